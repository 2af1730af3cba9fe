"""A small part of Python, walked and never run: enough to say what a plain function that a model wrote gives, with nothing it could do harm with.

Names lead to values and to a short list of built-in functions; attributes only to listed methods of texts, lists, dicts and sets. There is no
import, no attribute beyond these, no file and no clock. Steps and sizes are bounded.
"""

# ruff: noqa: ANN401 - the values of the code that is followed may be anything
from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from routebook.evaluation.small_values import COMPARE, FUNCTIONS, METHODS, UNARY, CannotFollow, added, bounded, sized

LONGEST: Final = 10_000
"""Characters of code."""
MOST_STEPS: Final = 20_000
DEEPEST: Final = 60
"""Calls within calls."""


class _Return(Exception):
    """A function's value on its way out."""

    def __init__(self, value: object) -> None:
        self.value = value


class _Break(Exception):
    """Out of the loop."""


class _Continue(Exception):
    """On with the loop."""


def call(code: str, function: str, arguments: Sequence[Any]) -> Any:
    """What a function of some code gives for some arguments.

    Raises:
        CannotFollow: the code is none, defines no such function, does what is not followed here, or fails.
    """
    try:
        tree = ast.parse(code[:LONGEST])
        scope = _Scope(_Work(), {**FUNCTIONS, "sum": added})
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.Assign):  # an example of its use below it is not what is asked about
                scope.do(node)
        found = scope.defined(function)(*arguments)
        return list(found) if isinstance(found, range) else sized(found)
    except CannotFollow:
        raise
    except RecursionError as error:
        raise CannotFollow("it calls itself too deep") from error
    except Exception as error:  # whatever the code's own mistakes raise
        raise CannotFollow(f"{type(error).__name__}: {error}"[:150]) from error


@dataclass(slots=True)
class _Work:
    """What is left to be spent."""

    steps: int = MOST_STEPS
    depth: int = 0

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise CannotFollow("it takes too many steps")


@dataclass(slots=True)
class _Function:
    """A function of the code."""

    names: list[str]
    defaults: list[Any]
    body: list[ast.stmt] | ast.expr
    home: _Scope

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) > len(self.names) or len(arguments) + len(self.defaults) < len(self.names):
            raise CannotFollow(f"it takes {len(self.names)} arguments, not {len(arguments)}")
        given = (
            [*arguments, *self.defaults[len(self.defaults) - (len(self.names) - len(arguments)) :]] if self.defaults else list(arguments)
        )
        work = self.home.work
        scope = _Scope(work, {**self.home.names, **dict(zip(self.names, given, strict=True))}, outer=self.home)
        work.depth += 1
        if work.depth > DEEPEST:
            raise CannotFollow("it calls itself too deep")
        try:
            if isinstance(self.body, ast.expr):
                return scope.value(self.body)
            scope.all(self.body)
        except _Return as found:
            return found.value
        finally:
            work.depth -= 1
        return None


@dataclass(slots=True)
class _Scope:
    """Names and what they stand for."""

    work: _Work
    names: dict[str, Any]
    outer: _Scope | None = field(default=None)

    def defined(self, name: str) -> _Function:
        found = self.names.get(name)
        if not isinstance(found, _Function):
            raise CannotFollow(f"it defines no function {name!r}")
        return found

    # ---- statements

    def all(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            self.do(node)

    def do(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912  one case for each kind of statement
        self.work.step()
        match node:
            case ast.FunctionDef(name=name, args=args, body=body, decorator_list=[]):
                self.names[name] = self.function(args, body)
            case ast.Return(value=value):
                raise _Return(self.value(value) if value is not None else None)
            case ast.Assign(targets=targets, value=value):
                found = self.value(value)
                for target in targets:
                    self.assign(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, self.value(value))
            case ast.AugAssign(target=ast.Name() | ast.Subscript() as target, op=op, value=value):
                old = self.value(target)
                self.assign(target, bounded(op, old, self.value(value)))
            case ast.If(test=test, body=body, orelse=orelse):
                self.all(body if self.value(test) else orelse)
            case ast.For() | ast.While():
                self.loop(node)
            case ast.Expr(value=value):
                self.value(value)
            case ast.Pass():
                pass
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case _:
                raise CannotFollow(f"it uses {type(node).__name__}, which is not followed here")

    def loop(self, node: ast.For | ast.While) -> None:
        items = iter(self.value(node.iter)) if isinstance(node, ast.For) else None
        while True:
            self.work.step()
            if items is not None and isinstance(node, ast.For):
                try:
                    self.assign(node.target, next(items))
                except StopIteration:
                    break
            elif isinstance(node, ast.While) and not self.value(node.test):
                break
            try:
                self.all(node.body)
            except _Break:
                return
            except _Continue:
                continue
        self.all(node.orelse)

    def assign(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part, one in zip(parts, value, strict=True):
                    self.assign(part, one)
            case ast.Subscript(value=inner, slice=place):
                owner = self.value(inner)
                owner[self.value(place)] = value
                sized(owner)
            case _:
                raise CannotFollow(f"it assigns to {type(target).__name__}, which is not followed here")

    def function(self, args: ast.arguments, body: list[ast.stmt] | ast.expr) -> _Function:
        if args.vararg or args.kwarg or args.kwonlyargs:
            raise CannotFollow("it takes arguments in a way that is not followed here")
        return _Function([one.arg for one in (*args.posonlyargs, *args.args)], [self.value(one) for one in args.defaults], body, self)

    # ---- values

    def value(self, node: ast.expr) -> Any:  # noqa: C901  one case for each kind of expression
        self.work.step()
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.name(name)
            case ast.BinOp(left=left, op=op, right=right):
                return bounded(op, self.value(left), self.value(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
                return UNARY[type(op)](self.value(operand))
            case ast.BoolOp():
                return self.either(node)
            case ast.Compare():
                return self.compared(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test) else orelse)
            case ast.Call():
                return self.called(node)
            case ast.Lambda(args=args, body=body):
                return self.function(args, body)
            case ast.Subscript(value=inner, slice=place):
                return self.value(inner)[self.value(place)]
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(self.value(one) if one is not None else None for one in (lower, upper, step)))
            case _:
                return sized(self.made(node))

    def made(self, node: ast.expr) -> Any:
        """A list, a dict, a text of parts."""
        match node:
            case ast.List(elts=parts):
                return [self.value(part) for part in parts]
            case ast.Tuple(elts=parts):
                return tuple(self.value(part) for part in parts)
            case ast.Set(elts=parts):
                return {self.value(part) for part in parts}
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return {self.value(key): self.value(value) for key, value in pairs if key is not None}
            case ast.ListComp() | ast.GeneratorExp():
                return [scope.value(node.elt) for scope in self.over(node.generators)]
            case ast.SetComp():
                return {scope.value(node.elt) for scope in self.over(node.generators)}
            case ast.DictComp():
                return {scope.value(node.key): scope.value(node.value) for scope in self.over(node.generators)}
            case ast.JoinedStr(values=parts):
                return "".join(str(self.value(part.value if isinstance(part, ast.FormattedValue) else part)) for part in parts)
            case _:
                raise CannotFollow(f"it uses {type(node).__name__}, which is not followed here")

    def name(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if self.outer is not None:
            return self.outer.name(name)
        raise CannotFollow(f"it uses {name!r}, which is not defined here")

    def either(self, node: ast.BoolOp) -> Any:
        found: Any = None
        for part in node.values:
            found = self.value(part)
            if bool(found) is isinstance(node.op, ast.Or):
                break
        return found

    def compared(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if not COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def called(self, node: ast.Call) -> Any:
        arguments = [self.value(one) for one in node.args]
        named = {str(one.arg): self.value(one.value) for one in node.keywords}
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if node.func.attr not in METHODS.get(type(owner), ()):
                raise CannotFollow(f"it uses .{node.func.attr}(), which is not followed here")
            given = sized(getattr(owner, node.func.attr)(*arguments, **named))
            sized(owner)  # a list may have grown
            return given
        found = self.value(node.func)
        if not callable(found) or (isinstance(found, _Function) and named):
            raise CannotFollow("it calls something in a way that is not followed here")
        return sized(found(*arguments, **named))

    def over(self, generators: Sequence[ast.comprehension]) -> Iterator[_Scope]:
        """A scope for each round of a comprehension."""
        first, rest = generators[0], generators[1:]
        for item in self.value(first.iter):
            scope = _Scope(self.work, dict(self.names), outer=self)
            scope.assign(first.target, item)
            self.work.step()
            if all(scope.value(test) for test in first.ifs):
                yield from scope.over(rest) if rest else (scope,)

"""Whether each route can be taken, and can do what it says: names, ranges, the wall, routes that stand behind others."""

from __future__ import annotations

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.sense import name_problem
from routebook.config.values import Config, Route, provider_tier
from routebook.config.wording import shown

Span = tuple[float, float]


def reach(config: Config, *, problems: Problems) -> None:
    """Add a problem for each route that contradicts itself or can never be taken."""
    seen: dict[str, int] = {}
    if not config.routes:
        problems.add(("routes",), "is empty.", hint="Add at least one [[routes]] with a name and try = [...].")
        return
    for at, route in enumerate(config.routes):
        path: KeyPath = ("routes", at)
        if what := name_problem(route.name):
            problems.add((*path, "name"), what)
        elif route.name in seen:
            first = problems.line(("routes", seen[route.name], "name"))
            problems.add((*path, "name"), f"another route is called {shown(route.name)} (line {first}).", hint="Give each its own name.")
        seen.setdefault(route.name, at)
        _ranges(path, route, problems)
        _models(path, route, problems)
        _wall(path, route, config, problems)
    _order(config, problems)


def default_at(config: Config) -> int:
    """The position of the route that closes the list: the one `[defaults]` names, else the last."""
    named = [at for at, route in enumerate(config.routes) if route.name == config.defaults.route]
    return named[0] if named else len(config.routes) - 1


def _ranges(path: KeyPath, route: Route, problems: Problems) -> None:
    for key in ("complexity", "strength"):
        span: Span | None = getattr(route, key)
        if span and span[0] > span[1] and problems.is_clean((*path, key)):
            problems.add((*path, key), f"runs from {span[0]:g} down to {span[1]:g}.", hint=f"Write [{span[1]:g}, {span[0]:g}].")
    low, high = route.min_tokens, route.max_tokens
    if low and high and low > high:
        problems.add((*path, "max_tokens"), f"is {high}, below min_tokens = {low}: no prompt has so many.")


def _models(path: KeyPath, route: Route, problems: Problems) -> None:
    is_misnamed = any(problems.is_told((*path, key)) for key in ("models", "model"))
    if not route.try_ and route.agent is None and not is_misnamed:
        problems.add((*path, "try"), "names no model.", hint='Add try = ["..."] with models, pools or discovering providers.')
    for at, name in enumerate(route.avoid):
        if name in route.try_:
            problems.add((*path, "avoid", at), f"{shown(name)} stands in try too.", hint="Keep one of them.")


def _wall(path: KeyPath, route: Route, config: Config, problems: Problems) -> None:
    """A local route must name something local, or every prompt would stop at the wall."""
    if not (route.local or route.private):
        return
    key = "local" if route.local else "private"
    lists: list[tuple[KeyPath, tuple[str, ...]]] = [((*path, "try"), route.try_)]
    if route.on_refusal:
        lists.append(((*path, "on_refusal", "try"), route.on_refusal.try_))
    if route.on_low_quality:
        lists.append(((*path, "on_low_quality", "try"), route.on_low_quality.try_))
    for where, names in lists:
        if names and problems.is_clean(where) and all(_leaves(name, config, problems) for name in names):
            what = f"the route is {key}, so nothing of its prompts may leave the machine, and none of these is a local model."
            problems.add(where, what, hint=f"Name a model of a local provider, or remove {key} = true.")


def _leaves(name: str, config: Config, problems: Problems) -> bool:
    """True when a name is surely not local: a doubt, or a mistake told elsewhere, counts as local."""
    if not (problems.is_clean(("pools", name)) and problems.is_clean(("models", name))):
        return False
    if name in config.pools:
        return all(_leaves(member, config, problems) for member in config.pools[name].models if member not in config.pools)
    provider = config.models[name].provider if name in config.models else name if name in config.providers else name.partition("/")[0]
    is_known = provider in config.providers and problems.is_clean(("providers", provider))
    return is_known and provider_tier(config.providers[provider]) != "local"


def _order(config: Config, problems: Problems) -> None:
    """The first route that matches wins, so one whose every prompt an earlier one takes is never taken."""
    default = default_at(config)
    before: list[tuple[int, Route]] = []
    for at, route in enumerate(config.routes):
        path: KeyPath = ("routes", at)
        if at == default or not problems.is_clean(path):
            continue
        for first, earlier in before:
            if _covers(earlier, route):
                what = f"can never be taken: route {shown(earlier.name)} (line {problems.line(('routes', first))}) takes all its prompts."
                problems.add(path, what, hint=f"Move it above {shown(earlier.name)}, or give that one more conditions.")
                break
        before.append((at, route))


def _covers(a: Route, b: Route) -> bool:
    """True when every prompt that matches `b` matches `a`."""
    return (
        (not a.tasks or (bool(b.tasks) and set(b.tasks) <= set(a.tasks)))
        and _spans(a.complexity, b.complexity)
        and _spans(a.strength, b.strength)
        and a.needs_tools in (None, b.needs_tools)
        and a.agent in (None, b.agent)
        and _is_looser(a.min_tokens, b.min_tokens)
        and _is_looser(a.min_files, b.min_files)
        and (a.max_tokens is None or (b.max_tokens is not None and b.max_tokens <= a.max_tokens))
    )


def _spans(a: Span | None, b: Span | None) -> bool:
    return a is None or (b is not None and a[0] <= b[0] and b[1] <= a[1])


def _is_looser(a: int | None, b: int | None) -> bool:
    return a is None or (b is not None and a <= b)

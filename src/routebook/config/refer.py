"""Every name in the file must lead somewhere: providers, models, pools, tasks, agents, routes, budget scopes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.values import Config
from routebook.config.wording import listed, shown
from routebook.labels import TASKS
from routebook.messages import TIERS
from routebook.near import did_you_mean


def refer(config: Config, *, problems: Problems) -> None:
    """Add a problem for each name that leads nowhere, or to a thing of the wrong kind."""
    names = Names(config, problems)
    names.models()
    names.pools()
    names.tasks()
    names.routes()
    names.agents()
    names.budgets()
    for name, experiment in config.experiments.items():
        routes = [route.name for route in config.routes]
        names.known(("experiments", name, "route"), experiment.route, routes, what="route", where="[[routes]]")
        for model in experiment.models:
            names.known(("experiments", name, "models", model), model, config.models, what="model", where="[models.NAME]")
    names.evaluated()
    for model in config.expected.shares:
        names.known(("expected", "shares", model), model, config.models, what="model", where="[models.NAME]")
    for model in config.alerts.latency_s:
        names.known(("alerts", "latency_s", model), model, config.models, what="model", where="[models.NAME]")


class Names:
    """The names a config has, and the checks that each use of one is right."""

    def __init__(self, config: Config, problems: Problems) -> None:
        """`config` may be half read: what is told already is not told again."""
        self.config = config
        self.problems = problems
        self.discovering = [name for name, provider in config.providers.items() if provider.discover]
        self.labels = [*TASKS, *config.tasks]

    def models(self) -> None:
        """Each model's provider and the tasks of its profile."""
        for name, model in self.config.models.items():
            self.known(("models", name, "provider"), model.provider, self.config.providers, what="provider", where="[providers.NAME]")
            for task in model.rubric:
                self.task(("models", name, "rubric", task), task)
            for key, tasks in (("strengths", model.strengths), ("weaknesses", model.weaknesses)):
                for place, task in enumerate(tasks):
                    self.task(("models", name, key, place), task)

    def pools(self) -> None:
        """Each pool's members and whose weights it gives."""
        for name, pool in self.config.pools.items():
            self.targets(("pools", name, "models"), pool.models, is_in_pool=True)
            for member in pool.weights:
                if member not in pool.models:
                    what = f"{shown(member)} is not in the pool."
                    self.problems.add(("pools", name, "weights", member), what, hint=did_you_mean(member, pool.models))

    def tasks(self) -> None:
        """What each own task is like, and whose answers are kept."""
        for name, task in self.config.tasks.items():
            if name in TASKS:
                self.problems.add(("tasks", name), "is a built-in task.", hint=f'Give yours another name and like = "{name}".')
            if task.like is not None:
                self.known(("tasks", name, "like"), task.like, TASKS, what="built-in task", where="")
        for name in self.config.cache.tasks:
            self.task(("cache", "tasks", name), name)

    def routes(self) -> None:
        """What each route names, and which one is the default."""
        for at, route in enumerate(self.config.routes):
            path: KeyPath = ("routes", at)
            for index, task in enumerate(route.tasks):
                self.task((*path, "tasks", index), task)
            self.targets((*path, "try"), route.try_)
            self.targets((*path, "avoid"), route.avoid, is_avoided=True)
            if route.on_refusal:
                self.targets((*path, "on_refusal", "try"), route.on_refusal.try_)
            if route.on_low_quality:
                self.targets((*path, "on_low_quality", "try"), route.on_low_quality.try_)
            if route.agent is not None:
                self.known((*path, "agent"), route.agent, self.config.agents, what="agent", where="[agents.NAME]")
        defaults = self.config.defaults
        if defaults.on_refusal:
            self.targets(("defaults", "on_refusal", "try"), defaults.on_refusal.try_)
        if defaults.route is not None:
            names = [route.name for route in self.config.routes]
            self.known(("defaults", "route"), defaults.route, names, what="route", where="[[routes]]")

    def agents(self) -> None:
        """The models of each agent."""
        for name, agent in self.config.agents.items():
            for rank, members in (("primary", agent.primary), ("backup", agent.backup), ("tertiary", agent.tertiary)):
                self.targets(("agents", name, rank), members)

    def evaluated(self) -> None:
        """Whom `[evaluation]` asks, and who judges."""
        config = self.config
        for at, name in enumerate(config.evaluation.models):
            if name not in config.providers:
                self.target(("evaluation", "models", at), name, is_in_pool=False, is_avoided=False)
        if (judge := config.evaluation.judge) is not None:
            self.known(("evaluation", "judge"), judge, config.models, what="model", where="[models.NAME]")

    def budgets(self) -> None:
        """What each budget is for."""
        config = self.config
        kinds: dict[str, Mapping[str, object]] = {
            "provider": config.providers, "model": config.models, "pool": config.pools, "agent": config.agents,
        }  # fmt: skip
        for scope in config.budgets:
            path: KeyPath = ("budgets", scope)
            found = [kind for kind, names in kinds.items() if scope in names]
            if len(found) > 1:
                hint = "Give one of them another name."
                self.problems.add(path, f"could mean the {' or the '.join(found)} of that name.", hint=hint)
            if scope in config.agents and config.agents[scope].budget is not None:
                self.problems.add(path, f"stands in [agents.{scope}] too.", hint="Keep one of them.")
            if not found and scope not in ("total", "notebook", *TIERS) and not self.is_discovered(scope):
                scopes = ["total", "notebook", *TIERS, *(name for names in kinds.values() for name in names)]
                what = f"{shown(scope)} is nothing that can have a budget: total, notebook, a tier, provider, model, pool or agent."
                self.problems.add(path, what, hint=did_you_mean(scope, scopes))

    def task(self, path: KeyPath, task: str) -> None:
        """A task must be built in or the file's own."""
        self.known(path, task, self.labels, what="task", where="[tasks.NAME]")

    def known(self, path: KeyPath, name: str, names: Collection[str], *, what: str, where: str) -> None:
        """A name must be one of those there are."""
        if name in names:
            return
        hint = did_you_mean(name, names) if names else f"Add it as {where}." if where else ""
        self.problems.add(path, f"there is no {what} {shown(name)}.", hint=hint)

    def targets(self, path: KeyPath, names: Iterable[str], *, is_in_pool: bool = False, is_avoided: bool = False) -> None:
        """Each name must be a model, a pool, a discovering provider or one of its models."""
        for at, name in enumerate(names):
            self.target((*path, at), name, is_in_pool=is_in_pool, is_avoided=is_avoided)

    def target(self, path: KeyPath, name: str, *, is_in_pool: bool, is_avoided: bool) -> None:
        """See `targets`; what is avoided may be any provider, and a pool may not hold a pool."""
        config = self.config
        if name in config.models or name in self.discovering or (is_avoided and name in config.providers):
            return
        if name in config.pools:
            if is_in_pool:
                self.problems.add(path, f"{shown(name)} is a pool, and a pool cannot hold a pool.", hint="Name its models instead.")
        elif name in config.providers:
            self.problems.add(path, f"{shown(name)} is a provider, not a model.", hint=self.models_of(name))
        elif not self.is_discovered(name) or self.named(name) is not None:
            self.problems.add(
                path,
                f"there is no model{'' if is_in_pool else ', pool'} or discovering provider {shown(name)}.",
                hint=self.near(name, is_in_pool=is_in_pool),
            )

    def is_discovered(self, name: str) -> bool:
        """True for `provider/model-id` of a discovering provider, whether or not it has that model today."""
        provider, slash, model = name.partition("/")
        return bool(slash and model) and provider in self.discovering

    def models_of(self, provider: str) -> str:
        """What to write instead of a provider's name."""
        own = [name for name, model in self.config.models.items() if model.provider == provider]
        discover = f"set discover = true in [providers.{provider}] to use all that it lists"
        return f"Name one of its models ({', '.join(own)}), or {discover}." if own else f"Add a [models.NAME] with it, or {discover}."

    def named(self, name: str) -> str | None:
        """The file's own name of the model that `name` is the provider's id of."""
        ids = {form: own for own, model in self.config.models.items() for form in (model.id, f"{model.provider}/{model.id}")}
        return ids.get(name)

    def near(self, name: str, *, is_in_pool: bool) -> str:
        """What to write instead of a name that leads nowhere."""
        if (own := self.named(name)) is not None:
            return f"The file calls it {listed([own])}."
        provider = name.partition("/")[0]
        if "/" in name and provider in self.config.providers:
            return f"Set discover = true in [providers.{provider}], or add it as [models.NAME]."
        pools = () if is_in_pool else self.config.pools
        return did_you_mean(name, [*self.config.models, *pools, *self.discovering])

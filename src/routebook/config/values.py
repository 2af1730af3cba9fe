"""What `routing.toml` says, as frozen values: one class for each kind of table, one field for each key.

A key that is not a field here is refused by `check.py`; the docstring under a field is what the documentation says of it.
Times are seconds, prices US dollars per million tokens, budgets US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from routebook.config.alerts import Alerts, Metrics
from routebook.config.answer_cache import AnswerCache, Cache
from routebook.config.evaluation import Evaluation
from routebook.config.expected import Expected
from routebook.config.experiments import Experiment
from routebook.config.pipelines import Pipeline
from routebook.config.reactions import OnLowQuality, OnRateLimit, OnRefusal, OnTimeout
from routebook.config.scripted import Chaos
from routebook.config.table import Table
from routebook.config.tool_entry import ToolEntry
from routebook.messages import Priority, Think, Tier

Score = Annotated[float, Meta(ge=0, le=10)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0)]
Money = Annotated[Decimal, Meta(extra={"ge": 0, "le": 1_000_000})]  # `check.py` holds to it: msgspec itself bounds no Decimal
ProviderKind = Literal["openai", "anthropic", "gemini", "ollama", "llamacpp", "embedded", "chaos"]
Port = Annotated[int, Meta(ge=1, le=65535)]
Pick = Literal["in-order", "round-robin", "random", "weighted", "least-busy", "cheapest", "fastest", "best"]


class Defaults(Table, frozen=True, kw_only=True):
    """`[defaults]`."""

    route: str | None = None
    """The route of a prompt without a clear signal; without it the last route of the file."""
    deadline_s: Seconds = 180.0
    max_attempts: Count = 8
    tools: tuple[str, ...] = ()
    """What the models are told of for prompts that need tools, where neither the cell nor the route says; of `[tools]`."""
    tool_steps: Count = 8
    """A request may run tools so often; then the model must answer."""
    system: str | None = None
    explore: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    """Share of the prompts, at most, on which `best` tries another model to learn of it; 0 for none."""
    memory: bool = False
    """On every route that does not say otherwise: a model that is sure to do well, by similar prompts, goes first."""
    run_all: Literal["ask", "run", "replay"] = "ask"
    """What a Run All of a notebook does before cells that cost money: ask once, run them, or only replay what the cache has; `$ROUTEBOOK_RUN_ALL`
    overrides. Where nobody can be asked (nbconvert, papermill), `ask` runs them."""
    on_rate_limit: OnRateLimit | None = None
    """This and the next two: of every route that does not say otherwise."""
    on_timeout: OnTimeout | None = None
    on_refusal: OnRefusal | None = None
    """Its phrases count for routes with an `on_refusal` of their own too, unless that has phrases."""


class Books(Table, frozen=True, kw_only=True):
    """`[books]`."""

    path: str | None = None
    """A file, relative to `routing.toml`; `:memory:` for none; without it the platform's user data folder."""


class Budget(Table, frozen=True, kw_only=True):
    """A cap on money for one scope; a call that could exceed any of them is not sent."""

    hourly: Money | None = None
    daily: Money | None = None
    weekly: Money | None = None
    monthly: Money | None = None
    alert: Money | tuple[Money, ...] | None = None
    """Say so once when the shortest period's spending passes this, or each of these."""
    unpriced: bool = False
    """Let calls through whose price is unknown; they cannot be held to the cap."""

    @property
    def alerts(self) -> tuple[Money, ...]:
        """The alerts, lowest first."""
        return () if self.alert is None else tuple(sorted(self.alert)) if isinstance(self.alert, tuple) else (self.alert,)


class Limits(Table, frozen=True, kw_only=True):
    """Limits as they stand on a provider or on a model; both hold."""

    max_concurrent: Count | None = None
    rpm: Count | None = None
    rpd: Count | None = None
    tpm: Count | None = None
    tpd: Count | None = None


class Provider(Table, frozen=True, kw_only=True):
    """`[providers.NAME]`: an API and its key."""

    kind: ProviderKind
    base_url: str | None = None
    """Without it the public address of the kind (`ollama`: `$OLLAMA_HOST` or `http://127.0.0.1:11434`)."""
    api_key_env: str | None = None
    """The NAME of a variable; a key itself is refused. Without it the usual variable, where the kind's public service is called."""
    tier: Tier | None = None
    """Without it `local` for ollama, llamacpp, embedded and chaos, `paid` for the others."""
    discover: bool = False
    """Add the models the provider lists (ollama, and servers with `/models`); a route may then name the provider itself."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    price_id: str | None = None
    """The provider's name in the price list (genai-prices) where it differs."""
    gguf: str | None = None
    """embedded: a GGUF file instead of the model that `%route setup` fetches; `$ROUTEBOOK_GGUF` overrides."""
    command: str | None = None
    """llamacpp: the server's program; without it `llama-server` from PATH, else one that comes with Routebook."""
    max_loaded: Count | None = None
    """So many of its models are in memory at once; for one more the least recently used goes, never a busy one. Of providers on this machine."""
    memory_gb: Annotated[float, Meta(gt=0)] | None = None
    """And so much memory they take together."""
    pull: bool = False
    """ollama: fetch a model that is named and not there."""
    chaos: Chaos | None = None
    max_concurrent: Count | None = None
    rpm: Count | None = None
    rpd: Count | None = None
    tpm: Count | None = None
    tpd: Count | None = None


class Timeouts(Table, frozen=True, kw_only=True):
    """Four separate times of one attempt, one for the queue before it, and `soft_s`, after which the cell says that it takes too long."""

    connect_s: Seconds = 5.0
    first_token_s: Seconds = 60.0
    idle_s: Seconds = 30.0
    total_s: Seconds = 300.0
    queue_s: Seconds | None = None
    """For a place, and for room within the limits; then the next candidate is asked. Without it until the deadline."""
    soft_s: Seconds | None = None


class Price(Table, frozen=True, kw_only=True):
    """US dollars per million tokens."""

    input: Money
    output: Money
    cached_input: Money | None = None
    """Without it cached tokens cost as much as others."""


class ModelParams(Table, frozen=True, kw_only=True):
    """Parameters sent with every call to the model, under whatever the request says."""

    max_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Model(Table, frozen=True, kw_only=True):
    """`[models.NAME]`: provider + id + limits + price + profile."""

    provider: str
    id: str
    context: Count | None = None
    practical_context: Count | None = None
    max_output: Count | None = None
    max_concurrent: Count | None = None
    rpm: Count | None = None
    rpd: Count | None = None
    tpm: Count | None = None
    tpd: Count | None = None
    timeout: Timeouts = Timeouts()
    price: Price | None = None
    tools: bool | None = None
    """Whether it calls tools well; unknown if not said."""
    thinking: Think | None = None
    rubric: Mapping[str, Score] = msgspec.field(default_factory=dict)
    """0 to 10 by task."""
    speed: Score | None = None
    memory_gb: Annotated[float, Meta(gt=0)] | None = None
    parameters_b: Annotated[float, Meta(gt=0)] | None = None
    """In billions."""
    active_b: Annotated[float, Meta(gt=0)] | None = None
    """Of these, for each token: fewer in a mixture of experts."""
    benchmarks: Mapping[str, Annotated[float, Meta(ge=0, le=100)]] = msgspec.field(default_factory=dict)
    """In percent, by the benchmark's name."""
    strengths: tuple[str, ...] = ()
    """Tasks it is good at, where the rubric has no figure."""
    weaknesses: tuple[str, ...] = ()
    """Tasks it is not."""
    api_key_env: str | None = None
    """A key of its own, where the provider gives one for each model; the NAME of a variable, as on a provider."""
    params: ModelParams = ModelParams()
    batch: Count | None = None
    """Of one `router.map` so many are under way at a time whose first choice it is; more only where the caller asks for more."""
    max_batch: Count | None = None
    """And so many at most, whatever the caller asks for."""
    warm: bool = False
    """Load it when the router opens; for models on this machine."""
    gguf: str | None = None
    """llamacpp: the model's file; this and the next two are for models of such a provider only."""
    port: Port | None = None
    """llamacpp: where its server listens, on this machine; one that answers there already is used as it is."""
    args: tuple[str, ...] = ()
    """llamacpp: more arguments for its server."""
    chaos: Chaos | None = None


class Pool(Table, frozen=True, kw_only=True):
    """`[pools.NAME]`: interchangeable models and the order in which to try them."""

    models: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Models, discovering providers (all that they list), and `provider/model-id` of these."""
    pick: Pick = "in-order"
    weights: Mapping[str, Annotated[float, Meta(ge=0)]] = msgspec.field(default_factory=dict)
    """For `weighted`; 1 for a model without one."""
    quality: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """For `best`: 0 weighs cost only, 1 quality only."""
    tokens: Count | None = None
    """All models of the pool together may use so many, input and output, however they are reached."""
    per: Literal["hour", "day", "week", "month", "ever"] = "month"
    """How long `tokens` must last; `ever` is a grant that does not come back."""
    alert: Share | tuple[Share, ...] = (0.8, 0.95)
    """Say so once when this share of `tokens` is used, or each of these."""

    @property
    def alerts(self) -> tuple[Share, ...]:
        """The alerts, lowest first."""
        return tuple(sorted(self.alert)) if isinstance(self.alert, tuple) else (self.alert,)


class OwnTask(Table, frozen=True, kw_only=True):
    """`[tasks.NAME]`: the user's own task."""

    like: str | None = None
    """The built-in task it is nearest to."""
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class Route(Table, frozen=True, kw_only=True):
    """`[[routes]]`: when a prompt is like this, try these."""

    name: str
    tasks: tuple[str, ...] = ()
    complexity: tuple[Score, Score] | None = None
    strength: tuple[Annotated[float, Meta(ge=0, le=1)], Annotated[float, Meta(ge=0, le=1)]] | None = None
    needs_tools: bool | None = None
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    min_files: Count | None = None
    agent: str | None = None
    priority: Priority | None = None
    """The priority that prompts of this route get when the cell names none."""
    max_concurrent: Count | None = None
    """So many of its prompts at once in one notebook, whichever models answer them."""
    private: bool | None = None
    """As `local`."""
    try_: tuple[str, ...] = msgspec.field(default=(), name="try")
    """Models, pools and discovering providers, in order."""
    quality: Annotated[float, Meta(ge=0, le=1)] | None = None
    """All of `try` are one choice, as in a pool with `pick = "best"`: 0 weighs cost only, 1 quality only. Without it `try` is an order."""
    memory: bool | None = None
    """A model that is sure to do well, by outcomes on similar prompts, goes first, whatever the order is; without it as `[defaults]` says."""
    avoid: tuple[str, ...] = ()
    local: bool = False
    on_rate_limit: OnRateLimit | None = None
    on_timeout: OnTimeout | None = None
    on_refusal: OnRefusal | None = None
    on_low_quality: OnLowQuality | None = None
    on_stream_break: Literal["restart", "keep", "raise"] = "restart"
    tools: tuple[str, ...] | None = None
    """What the models are told of, where the cell does not say; of `[tools]`."""
    hedge: bool = False
    """Ask the next candidate too when the first token takes longer than 95 of 100 did; the first to speak answers, the other is cancelled."""
    cache: Cache | None = None
    pipeline: str | None = None
    """Its prompts go through these steps."""
    long: str | None = None
    """So do those that are longer than every candidate handles well."""


class Agent(Table, frozen=True, kw_only=True):
    """`[agents.NAME]`: who asks; its models are tried instead of the route's."""

    primary: Annotated[tuple[str, ...], Meta(min_length=1)]
    backup: tuple[str, ...] = ()
    tertiary: tuple[str, ...] = ()
    pick: Pick = "round-robin"
    budget: Budget | None = None


class Config(Table, frozen=True, kw_only=True):
    """The whole of `routing.toml`, checked: every name in it resolves."""

    routes: tuple[Route, ...]
    defaults: Defaults = Defaults()
    books: Books = Books()
    budgets: Mapping[str, Budget] = msgspec.field(default_factory=dict)
    providers: Mapping[str, Provider] = msgspec.field(default_factory=dict)
    models: Mapping[str, Model] = msgspec.field(default_factory=dict)
    pools: Mapping[str, Pool] = msgspec.field(default_factory=dict)
    tasks: Mapping[str, OwnTask] = msgspec.field(default_factory=dict)
    agents: Mapping[str, Agent] = msgspec.field(default_factory=dict)
    pipelines: Mapping[str, Pipeline] = msgspec.field(default_factory=dict)
    cache: AnswerCache = AnswerCache()
    tools: Mapping[str, ToolEntry] = msgspec.field(default_factory=dict)
    experiments: Mapping[str, Experiment] = msgspec.field(default_factory=dict)
    alerts: Alerts = Alerts()
    metrics: Metrics = Metrics()
    expected: Expected = Expected()
    evaluation: Evaluation = Evaluation()

    def tier(self, model: str) -> Tier:
        """The tier of a model: its provider's, but `free` for a cloud model behind a local Ollama, because its prompts leave the machine."""
        entry = self.models[model]
        provider = self.providers[entry.provider]
        tier = provider_tier(provider)
        return "free" if tier == "local" and is_cloud_model(provider, entry.id) else tier


def is_cloud_model(provider: Provider, model_id: str) -> bool:
    """True for a model that an Ollama on this machine only passes on to Ollama's cloud."""
    return provider.kind == "ollama" and model_id.endswith(("-cloud", ":cloud"))


def provider_tier(provider: Provider) -> Tier:
    """The tier a provider states, or the usual one of its kind."""
    return provider.tier or ("local" if provider.kind in ("ollama", "llamacpp", "embedded", "chaos") else "paid")

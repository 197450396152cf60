"""The nouns: request, policy, answer, decision, ticket. Frozen, JSON on every wire, and little more than properties."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, cast

import pydantic
from typing_extensions import TypeVar

from sayso import answers, attention, batches, earlier, parts, persons, policies

Grant = parts.Grant
Standing = parts.Standing
JsonObject = parts.JsonObject
RequestId = parts.RequestId
Name = parts.Name
Place = parts.Place
channel_of = parts.channel_of
Seconds = parts.Seconds
Frozen = parts.Frozen
Source = parts.Source
Attachment = parts.Attachment
Offer = parts.Offer
OfferKind = parts.OfferKind
Risk = parts.Risk
Priority = parts.Priority
PostedCard = parts.PostedCard
MessageRef = PostedCard  # until 0.2
FieldKind = parts.FieldKind
Option = parts.Option
Field = parts.Field
Reason = parts.Reason
AskedBack = parts.AskedBack
Ruled = parts.Ruled
Remembered = earlier.Remembered
Risky = earlier.Risky
Denied = earlier.Denied
Stop = parts.Stop
Standstill = parts.Standstill
Batch = batches.Batch
Person = persons.Person
By = persons.By
Need = policies.Need
Stage = policies.Stage
BreakGlass = policies.BreakGlass
Policy = policies.Policy
Verdict = answers.Verdict
Answer = answers.Answer
Given = answers.Given
Taken = answers.Taken
Escalation = policies.Escalation

MAX_NAME = parts.MAX_NAME
MAX_TITLE = parts.MAX_TITLE
MAX_NOTE = parts.MAX_NOTE
MAX_URL = parts.MAX_URL
MAX_BODY = parts.MAX_BODY
MAX_REASON = parts.MAX_REASON
MAX_TEXT = parts.MAX_TEXT
MAX_FACTS = parts.MAX_FACTS
MAX_FIELDS = parts.MAX_FIELDS
MAX_OPTIONS = parts.MAX_OPTIONS
MAX_PEOPLE = parts.MAX_PEOPLE
MAX_SECONDS = parts.MAX_SECONDS
name_of = parts.name_of
title_of = parts.title_of
fact_of = parts.fact_of
cut = parts.cut

V = TypeVar("V", default=Any)
"""What a decision's `value` is."""
W = TypeVar("W")

State = Literal["pending", "decided"]
Kind = Literal["permission", "question", "choice", "form"]
Outcome = Literal["allowed", "denied", "answered", "expired", "cancelled", "superseded", "undeliverable"]
FurtherVerdict = Literal["deny", "respond", "stop"]
"""What a request may allow beside a plain allow; see `Request.verdicts`."""

# One document must stay small enough to be sent to a chat file, hashed and stored without harm: 1 MiB of JSON.
MAX_REQUEST_BYTES = 1_048_576


class Request(Frozen):
    """What an agent asks. Its JSON form is the body of `POST /v1/requests`."""

    id: RequestId | None = None
    """Chosen by the caller or made for it; asking again with the same id and content finds the same ticket."""
    kind: Kind
    title: parts.Title | None = None
    body: Annotated[str, pydantic.StringConstraints(max_length=MAX_BODY)] | None = None
    """Markdown by the agent; shown as text that can do nothing."""
    tool: Name | None = None
    input: JsonObject | None = None
    input_schema: JsonObject | None = None
    """The tool's own JSON Schema; an input that a person edited must fit it. Never shown."""
    options: Annotated[tuple[Option, ...], pydantic.FailFast(), pydantic.Field(max_length=MAX_OPTIONS)] = ()
    multiple: pydantic.StrictBool = False
    other: pydantic.StrictBool = False
    json_schema: JsonObject | None = pydantic.Field(default=None, alias="schema")
    fields: Annotated[tuple[Field, ...], pydantic.FailFast(), pydantic.Field(max_length=MAX_FIELDS)] = ()
    source: Annotated[Source, pydantic.BeforeValidator(parts.few)] = Source()
    context: parts.Context = pydantic.Field(default_factory=dict)
    """Facts shown beside the question, such as the working folder."""
    attachments: Annotated[tuple[Attachment, ...], pydantic.FailFast(), pydantic.Field(max_length=5)] = ()
    risk: Risk | None = None
    priority: Priority | None = None
    """How urgent the agent says it is: a claim, which a rule of the operator takes up or not."""
    grants: Annotated[tuple[Grant, ...], pydantic.FailFast(), pydantic.Field(max_length=10)] = ()
    """Wider grants that the asking side can honour; only these get a button."""
    offers: Annotated[tuple[Offer, ...], pydantic.FailFast(), pydantic.Field(max_length=5)] = ()
    verdicts: Annotated[tuple[FurtherVerdict, ...], pydantic.FailFast(), pydantic.Field(max_length=10)] = ()
    """Further verdicts that it can honour. A permission can always be denied; anything else only if this says so."""
    editable: pydantic.StrictBool = True
    """Whether a person may allow another input than the one asked for."""
    confirm: pydantic.StrictBool = False
    """Whether allowing takes more than one press, and no button is preselected."""
    policy: Name | None = None
    route: Annotated[tuple[Place, ...], pydantic.FailFast(), pydantic.Field(max_length=10)] = ()
    expires_in: Seconds | None = None
    supersedes: RequestId | None = None
    batch: Batch | None = None
    callback_url: parts.Url | None = None
    metadata: JsonObject = pydantic.Field(default_factory=dict)

    @property
    def grant_names(self) -> tuple[str, ...]:
        """All grants that an answer may name."""
        return (*self.grants, *(offer.name for offer in self.offers))


class FormRequest(Request, Generic[V]):
    """A form, with the model that it was asked with; `sayso.Form` makes one."""

    _shape: type[pydantic.BaseModel] | None = pydantic.PrivateAttr(default=None)

    @property
    def shape(self) -> type[pydantic.BaseModel] | None:
        """The model whose instance the decision's `value` is; known only in the process that asked."""
        return self._shape


class Decision(Frozen, Generic[V]):
    """The one final outcome that the agent gets."""

    id: str = ""
    """Of the request."""
    outcome: Outcome
    if TYPE_CHECKING:
        input: JsonObject = {}
    else:
        # None if nothing was allowed; a caller has looked at `allowed` before, which no type checker can know
        input: JsonObject | None = None
    reason: str | None = None
    question: str | None = None
    """Of a denial: what the agent is asked back."""
    text: str | None = None
    choices: tuple[str, ...] | None = None
    values: JsonObject | None = None
    grant: Name | None = None
    standing: Standing | None = None
    """What the allow covers beside its request, for as long as the policy says; the service sees to it."""
    stop: bool = False
    """Whether the agent's run is to end, too."""
    digest: str
    """Of the request as it was shown."""
    input_digest: str | None = None
    """Of `{"input", "tool"}` as it may run: the edited input, if a person edited it."""
    by: tuple[By, ...] = ()
    rule: Name | None = None
    """The operator's rule that decided it without anybody."""
    decided_at: datetime
    valid_until: datetime | None = None
    """An allow that is not used before this is void."""
    break_glass: bool = False
    """Whether one person allowed it alone in an emergency."""
    used_at: datetime | None = None
    """When the allow was used; filled when the decision is read after that."""
    void: bool = False
    """Whether it is read after `valid_until`, and was not used."""
    model_text: str
    """One sentence for the model."""
    receipt: str | None = None
    """Of an allow: who allowed what until when, signed (a compact JWS); for a tool that does not ask the service."""
    _value: Any = pydantic.PrivateAttr(default=None)
    """The instance of a form's model; no part of the JSON form, and set by `holding` only, on a copy."""

    @property
    def allowed(self) -> bool:
        """Whether a permission was given and can still be used. Nothing else is consent."""
        return self.outcome == "allowed" and self.used_at is None and not self.void

    @property
    def choice(self) -> str | None:
        """The chosen label, of a choice with one answer."""
        return self.choices[0] if self.choices else None

    @property
    def value(self) -> V:
        """A form's values, an instance of its model if it was asked with one; None if nobody answered."""
        return cast(V, self.values if self._value is None else self._value)

    def holding(self, value: W) -> Decision[W]:
        """This decision, with *value* as the validated form value."""
        held = cast("Decision[W]", self.model_copy())
        held._value = value
        return held


class Ticket(Frozen):
    """A request with its present state. `version` grows by one with every change."""

    id: RequestId
    ref: str
    """An unguessable 128-bit reference; buttons carry it."""
    version: int
    request: Request
    policy: Policy
    owner: str
    """The key (agent) that asked."""
    requester: str | None = None
    """The person on whose behalf the agent runs, from its key; never from the request."""
    key: str | None = None
    """The record of that key; once it is gone, nothing more comes of this request."""
    route: tuple[Place, ...]
    digest: str
    salt: str | None = None  # random text that the digest covers: without it nobody can try out what was asked
    created_at: datetime
    expires_at: datetime
    tell: tuple[Place, ...] = ()
    """Where the requester is told what became of it."""
    push: pydantic.StrictBool = False
    """Whether people are told on their devices, where they asked for it."""
    answers: tuple[Given, ...] = ()
    taken: Taken | None = None
    """The answer that is delivered soon; it does not count yet."""
    undelivered: tuple[Place, ...] = ()
    delayed: tuple[attention.Trouble, ...] = ()
    """Places where it could not be shown yet; they are tried again."""
    fallback: tuple[tuple[Place, ...], ...] = ()
    """Where it is shown if no place of its route works, one after the other."""
    fell_back: tuple[attention.FellBack, ...] = ()
    """Which of them were tried."""
    decision: Decision | None = None
    used_at: datetime | None = None
    """When the allow was used. One allow is good once."""
    redeemed_at: datetime | None = None
    """When the receipt of the allow was used. It is good once."""
    erased_at: datetime | None = None
    """When its content was erased: who decided what and when is all that is left."""
    used_for: str | None = None
    """The attempt that used it; the same attempt finds it used by itself, another one is refused."""
    held: pydantic.StrictBool = False
    """Since an older copy of the database was put back: it is not answered and not used until an operator says so."""
    minted: int = 0
    """How often its buttons were made anew; those of before are worth nothing."""
    asked_back: AskedBack | None = None
    """What this request answers with its body."""
    plan: tuple[policies.Planned, ...] = ()
    """What time does next, earliest first."""
    escalated: tuple[policies.Escalated, ...] = ()
    """Which escalations have happened."""
    reminded: int = 0
    """How often people were mentioned below its cards."""
    passed: tuple[policies.PassedOn, ...] = ()
    """Who asked whom to answer it."""
    remembered: Remembered | None = None
    """What was decided before on the same call; people read it on the card."""
    attending: attention.Attending | None = None
    """Who looks after it; None as long as that is everybody."""
    reach: attention.Reach | None = None
    """Whom it reaches in which order; None if all at once."""
    stopped: Standstill | None = None
    """While somebody has stopped everything, or its agent: nothing is allowed, and no time runs."""
    bound_until: datetime | None = None
    """The deadline that the digest covers, if time stood still since; `expires_at` is later then."""
    policy_name: str | None = None
    """What the policy is called in the settings."""
    stage: int = 0
    """Which stage of the policy is open, from 0."""
    stage_at: datetime | None = None
    """Since when, once it was not the first."""
    stage_routes: tuple[tuple[Place, ...], ...] = ()
    """Where it is shown as well once a stage is open: messages to those whose turn it is then."""
    viewed_at: datetime | None = None  # when somebody had it open for the first time, where a surface knows that
    trace: str | None = None  # a `traceparent`: the trace in which it was asked
    gone: tuple[str, ...] = ()
    """Accounts that were closed since somebody allowed it from them; they do not count any more."""
    review: RequestId | None = None
    """The request in which others review that somebody broke its glass."""
    reviews: RequestId | None = None
    """The request whose allow this one reviews."""
    ruled: Ruled | None = None
    """What the operator's rules came to; None if there were none."""

    @property
    def state(self) -> State:
        """`pending` until there is a decision."""
        return "pending" if self.decision is None else "decided"

"""The shape of everything Block Kit accepts, as types: what does not parse here is what Slack would refuse.

Rule: only what one block or element may look like on its own; what depends on its neighbours is in `limits`.
Block types that are not here (cards, plans, videos, ...) are refused: give them a shape before you send them.
Numbers are from Slack's block and element reference pages and the `@slack/types` 3.2.0 declarations.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, TypeAdapter
from pydantic_core import PydanticCustomError


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Loose(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)


class _Plain(_Shape):
    type: Literal["plain_text"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]
    emoji: bool | None = None


class _Mrkdwn(_Shape):
    type: Literal["mrkdwn"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]
    verbatim: bool | None = None


def _most(characters: int) -> AfterValidator:
    def check(value: _Plain | _Mrkdwn) -> _Plain | _Mrkdwn:
        if len(value.text) > characters:
            raise PydanticCustomError("text_object_too_long", "{limit}", {"limit": characters})
        return value

    return AfterValidator(check)


_AnyText = Annotated[_Plain | _Mrkdwn, Discriminator("type")]
_Plain24 = Annotated[_Plain, _most(24)]
_Plain75 = Annotated[_Plain, _most(75)]
_Plain150 = Annotated[_Plain, _most(150)]
_Plain2000 = Annotated[_Plain, _most(2000)]
_Text150 = Annotated[_AnyText, _most(150)]
_Id = Annotated[str, Field(min_length=1, max_length=255)]
_Url = Annotated[str, Field(min_length=1, max_length=3000)]
_AltText = Annotated[str, Field(min_length=1, max_length=2000)]


class _Confirm(_Shape):
    title: Annotated[_Plain, _most(100)]
    text: Annotated[_AnyText, _most(300)]
    confirm: Annotated[_Plain, _most(30)]
    deny: Annotated[_Plain, _most(30)]
    style: Literal["primary", "danger"] | None = None


class _MenuOption(_Shape):
    text: _Plain75
    value: Annotated[str, Field(min_length=1, max_length=150)]
    description: _Plain75 | None = None
    url: _Url | None = None


class _BoxOption(_Shape):
    text: Annotated[_AnyText, _most(75)]
    value: Annotated[str, Field(min_length=1, max_length=150)]
    description: Annotated[_AnyText, _most(75)] | None = None


class _OptionGroup(_Shape):
    label: _Plain75
    options: Annotated[list[_MenuOption], Field(min_length=1, max_length=100)]


class _Element(_Shape):
    action_id: _Id | None = None
    confirm: _Confirm | None = None
    focus_on_load: bool | None = None


class _Button(_Element):
    type: Literal["button"]
    text: _Plain75
    value: Annotated[str, Field(max_length=2000)] | None = None
    url: _Url | None = None
    style: Literal["primary", "danger"] | None = None
    accessibility_label: Annotated[str, Field(max_length=75)] | None = None
    visible_to_user_ids: list[str] | None = None


class _Select(_Element):
    type: Literal["static_select", "multi_static_select"]
    placeholder: _Plain150 | None = None
    options: Annotated[list[_MenuOption], Field(min_length=1, max_length=100)] | None = None
    option_groups: Annotated[list[_OptionGroup], Field(min_length=1, max_length=100)] | None = None
    initial_option: _MenuOption | None = None
    initial_options: list[_MenuOption] | None = None
    max_selected_items: Annotated[int, Field(ge=1)] | None = None


class _Boxes(_Element):
    type: Literal["radio_buttons", "checkboxes"]
    options: Annotated[list[_BoxOption], Field(min_length=1, max_length=10)]
    initial_option: _BoxOption | None = None
    initial_options: list[_BoxOption] | None = None


class _Overflow(_Element):
    type: Literal["overflow"]
    options: Annotated[list[_MenuOption], Field(min_length=1, max_length=5)]


class _TextInput(_Element):
    type: Literal["plain_text_input"]
    placeholder: _Plain150 | None = None
    initial_value: Annotated[str, Field(max_length=3000)] | None = None
    multiline: bool | None = None
    min_length: Annotated[int, Field(ge=0, le=3000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=3000)] | None = None
    dispatch_action_config: dict[str, Any] | None = None


class _NumberInput(_Element):
    type: Literal["number_input"]
    is_decimal_allowed: bool
    placeholder: _Plain150 | None = None
    initial_value: str | None = None
    min_value: str | None = None
    max_value: str | None = None
    dispatch_action_config: dict[str, Any] | None = None


class _Picker(_Loose):
    type: Literal[
        "datepicker", "timepicker", "datetimepicker", "external_select", "multi_external_select",
        "users_select", "multi_users_select", "conversations_select", "multi_conversations_select",
        "channels_select", "multi_channels_select",
    ]  # fmt: skip
    action_id: _Id | None = None
    placeholder: _Plain150 | None = None


class _OtherInput(_Loose):
    type: Literal["rich_text_input", "url_text_input", "email_text_input", "file_input"]
    action_id: _Id | None = None
    placeholder: _Plain150 | None = None


class _Image(_Shape):
    type: Literal["image"]
    alt_text: _AltText
    image_url: _Url | None = None
    slack_file: dict[str, str] | None = None


_Action = Annotated[_Button | _Select | _Boxes | _Overflow | _Picker, Discriminator("type")]
_Accessory = Annotated[_Button | _Select | _Boxes | _Overflow | _Picker | _Image, Discriminator("type")]
_Input = Annotated[_Select | _Boxes | _Picker | _TextInput | _NumberInput | _OtherInput, Discriminator("type")]


class _Block(_Shape):
    block_id: Annotated[str, Field(max_length=255)] | None = None


class _Divider(_Block):
    type: Literal["divider"]


class _Header(_Block):
    type: Literal["header"]
    text: _Plain150


class _Section(_Block):
    type: Literal["section"]
    text: _AnyText | None = None
    fields: Annotated[list[Annotated[_AnyText, _most(2000)]], Field(min_length=1, max_length=10)] | None = None
    accessory: _Accessory | None = None
    expand: bool | None = None


class _Context(_Block):
    type: Literal["context"]
    elements: Annotated[
        list[Annotated[_Plain | _Mrkdwn | _Image, Discriminator("type")]], Field(min_length=1, max_length=10)
    ]


class _Actions(_Block):
    type: Literal["actions"]
    elements: Annotated[list[_Action], Field(min_length=1, max_length=25)]


class _ImageBlock(_Image, _Block):
    title: _Plain2000 | None = None


class _InputBlock(_Block):
    type: Literal["input"]
    label: _Plain2000
    element: _Input
    hint: _Plain2000 | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


class _Leaf(_Loose):
    type: Literal["text", "link", "user", "usergroup", "channel", "broadcast", "emoji", "date", "color", "team"]
    text: Annotated[str, Field(min_length=1)] | None = None


class _RichLine(_Shape):
    type: Literal["rich_text_section", "rich_text_quote", "rich_text_preformatted"]
    elements: list[_Leaf]
    border: int | None = None
    language: str | None = None


class _RichList(_Shape):
    type: Literal["rich_text_list"]
    style: Literal["bullet", "ordered"]
    elements: Annotated[list[_RichLine], Field(min_length=1)]
    indent: int | None = None
    offset: int | None = None
    border: int | None = None


class _RichText(_Block):
    type: Literal["rich_text"]
    elements: Annotated[list[Annotated[_RichLine | _RichList, Discriminator("type")]], Field(min_length=1)]


class _Markdown(_Block):
    type: Literal["markdown"]
    text: Annotated[str, Field(min_length=1, max_length=12_000)]


class _Table(_Block):
    type: Literal["table"]
    rows: Annotated[list[Annotated[list[dict[str, Any]], Field(max_length=20)]], Field(min_length=1, max_length=100)]
    column_settings: Annotated[list[dict[str, Any] | None], Field(max_length=20)] | None = None


class _Alert(_Block):
    type: Literal["alert"]
    text: Annotated[_AnyText, _most(200)]
    level: Literal["default", "info", "warning", "error", "success"] | None = None


_Child = Annotated[
    _Header | _Section | _Context | _Actions | _Divider | _ImageBlock | _InputBlock | _RichText | _Table,
    Discriminator("type"),
]


class _Container(_Block):
    type: Literal["container"]
    child_blocks: Annotated[list[_Child], Field(min_length=1, max_length=10)]
    title: _Text150 | None = None
    subtitle: _Text150 | None = None
    width: Literal["narrow", "standard", "wide", "full"] | None = None
    is_collapsible: bool | None = None
    default_collapsed: bool | None = None


_AnyBlock = Annotated[
    _Header | _Section | _Context | _Actions | _Divider | _ImageBlock | _InputBlock | _RichText | _Markdown | _Table
    | _Alert | _Container,
    Discriminator("type"),
]  # fmt: skip


class _View(_Shape):
    blocks: Annotated[list[_AnyBlock], Field(max_length=100)]
    callback_id: Annotated[str, Field(max_length=255)] | None = None
    private_metadata: Annotated[str, Field(max_length=3000)] | None = None
    external_id: Annotated[str, Field(max_length=255)] | None = None


class _Modal(_View):
    type: Literal["modal"]
    title: _Plain24
    submit: _Plain24 | None = None
    close: _Plain24 | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None
    submit_disabled: bool | None = None


class _Home(_View):
    type: Literal["home"]


_LATE = ConfigDict(defer_build=True)
MESSAGE: TypeAdapter[Any] = TypeAdapter(Annotated[list[_AnyBlock], Field(max_length=50)], config=_LATE)
VIEW: TypeAdapter[Any] = TypeAdapter(Annotated[_Modal | _Home, Discriminator("type")], config=_LATE)

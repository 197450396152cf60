"""Modals and Home tabs: the stack each person has open, and every way in which it changes.

Rule: views are checked before they are shown, whether they came by method call or in the answer to a submission.
"""

import dataclasses

from tests.fakes.slack import limits
from tests.fakes.slack import state as slack_state
from tests.fakes.slack.controls import Json
from tests.fakes.slack.limits import Refused
from tests.fakes.slack.passes import Passes
from tests.fakes.slack.world import APP, BOT, TEAM, View, World, echoed

_DEEPEST = 3  # a root view and two pushed on top


class Views:
    """The `views.*` methods and the answers to `view_submission`."""

    def __init__(self, world: World, passes: Passes) -> None:
        self._world = world
        self._passes = passes

    def open(self, args: Json) -> Json:
        """`views.open`: a new root in place of whatever was open."""
        limits.check_view(args.get("view"))
        user = self._passes.exchange(args.get("trigger_id", ""))
        self._world.stacks[user] = []
        return {"view": self.echo(self.push_for(user, args["view"]))}

    def push(self, args: Json) -> Json:
        """`views.push`: one more on top, three at most."""
        limits.check_view(args.get("view"))
        user = self._passes.exchange(args.get("trigger_id", ""))
        if not self._world.stacks.get(user):
            raise Refused("not_found")
        return {"view": self.echo(self.push_for(user, args["view"]))}

    def update(self, args: Json) -> Json:
        """`views.update` by view_id or external_id, guarded by `hash`."""
        limits.check_view(args.get("view"))
        old = self._find(args)
        if args.get("hash") and args["hash"] != old.hash:
            raise Refused("hash_conflict")
        return {"view": self.echo(self.replace(old, args["view"]))}

    def publish(self, args: Json) -> Json:
        """`views.publish`: the Home tab of one person."""
        limits.check_view(args.get("view"))
        user, old = args.get("user_id", ""), self._world.homes.get(args.get("user_id", ""))
        if user not in self._world.users:
            raise Refused("user_not_found")
        if args.get("hash") and (old is None or args["hash"] != old.hash):
            raise Refused("hash_conflict")
        some_id = old.id if old else f"V{self._world.number()}"
        home = View(some_id, user, self._content(args["view"]), self._hash(), some_id)
        self._world.homes[user] = home
        self._world.changed()
        return {"view": self.echo(home)}

    def push_for(self, user: str, content: Json) -> View:
        """Show *content* on top of what *user* has open; raises `Refused` when it is one too many."""
        stack = self._world.stacks.setdefault(user, [])
        if len(stack) >= _DEEPEST:
            raise Refused("push_limit_reached")
        some_id = f"V{self._world.number()}"
        below = stack[-1] if stack else None
        view = View(some_id, user, self._content(content), self._hash(), below.root if below else some_id)
        stack.append(dataclasses.replace(view, previous=below.id if below else None))
        self._world.shown.append(stack[-1])
        self._world.changed()
        return stack[-1]

    def replace(self, old: View, content: Json) -> View:
        """Put *content* in place of an open view; what was typed stays where block and action id stay."""
        new = dataclasses.replace(old, content=self._content(content, old.id), hash=self._hash())
        if old.id in {home.id for home in self._world.homes.values()}:
            self._world.homes[old.user] = new
        else:
            stack = self._world.stacks.get(old.user, [])
            if old.id not in (names := [view.id for view in stack]):
                raise Refused("not_found")
            stack[names.index(old.id)] = new
        # As in Slack, an input keeps its text through an update only if block and action id stay the same.
        entered = self._world.entered(old.user, old)
        kept = {(block, action) for block, leaves in slack_state.values(new.blocks, {}).items() for action in leaves}
        for key in set(entered) - kept:
            del entered[key]
        self._world.shown.append(new)
        self._world.changed()
        return new

    def close(self, view: View) -> None:
        """Take one view, and what lies above it, off the stack."""
        stack = self._world.stacks.get(view.user, [])
        names = [open_view.id for open_view in stack]
        if view.id in names:
            del stack[names.index(view.id) :]
        self._world.changed()

    def answer(self, view: View, answer: Json) -> dict[str, str]:
        """Do what the app's answer to a submission says; returns the errors shown, by input label."""
        match answer.get("response_action"):
            case None:
                self.close(view)
            case "clear":
                self.close(self._world.stacks[view.user][0])
            case "update":
                limits.check_view(answer.get("view"))
                self.replace(view, answer["view"])
            case "push":
                limits.check_view(answer.get("view"))
                self.push_for(view.user, answer["view"])
            case "errors":
                return self._errors(view, answer.get("errors") or {})
            case other:
                raise Refused("invalid_arguments", [f"[ERROR] unknown response_action {other}"])
        return {}

    def echo(self, view: View) -> Json:
        """The view object in payloads and answers."""
        empty: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None}
        flags: Json = {"close": None, "clear_on_close": False, "notify_on_close": False}
        state: Json = {"values": echoed(slack_state.values(view.blocks, self._world.entered(view.user, view)))}
        ids: Json = {"id": view.id, "team_id": TEAM, "app_id": APP, "bot_id": BOT, "app_installed_team_id": TEAM}
        stack: Json = {"hash": view.hash, "root_view_id": view.root, "previous_view_id": view.previous}
        return {**empty, **flags, **echoed(view.content), **ids, **stack, "state": state}

    def _errors(self, view: View, errors: dict[str, str]) -> dict[str, str]:
        labels = {b["block_id"]: b["label"]["text"] for b in view.blocks if b["type"] == "input"}
        if not errors or set(errors) - set(labels):
            raise Refused(
                "invalid_arguments", [f"[ERROR] errors for no input block: {sorted(set(errors) - set(labels))}"]
            )
        return {labels[block_id]: text for block_id, text in errors.items()}

    def _find(self, args: Json) -> View:
        shown = [view for stack in self._world.stacks.values() for view in stack] + [*self._world.homes.values()]
        for view in shown:
            if view.id == args.get("view_id") or view.content.get("external_id", "") == args.get("external_id"):
                return view
        raise Refused("not_found")

    def _content(self, content: Json, own: str = "") -> Json:
        external, others = (
            content.get("external_id"),
            [v for s in self._world.stacks.values() for v in s if v.id != own],
        )
        if external and any(view.content.get("external_id") == external for view in others):
            raise Refused("duplicate_external_id")
        return {**content, "blocks": self._world.with_ids(content["blocks"])}

    def _hash(self) -> str:
        return f"{int(self._world.clock())}.{self._world.number():08x}"

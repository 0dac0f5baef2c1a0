"""How the cloud spells what it knows: the document's JSON, and the quirks of spelling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cftui.simulator.clocks import iso
from cftui.simulator.state import IN_PROGRESS, Action, Vm

Json = dict[str, object]


class Wire:
    """Objects as bytes; those of VMs and actions are made once and kept with them until they change.

    Args:
        quirks: As `parse_quirks` returns them.
    """

    def __init__(self, quirks: Mapping[str, str]) -> None:
        self._quirks = quirks
        self._has_commas = "trailing-commas" in quirks
        self._nulls = _members(quirks.get("nulls", ""))
        self._left_out = _members(quirks.get("missing-members", ""))

    def vm(self, vm: Vm) -> bytes:
        """A VM as one JSON object.

        API: "VMs" of the API reference, section 3.
        """
        if vm.json is None:
            vm.json = self._object(
                {
                    "id": vm.id,
                    "name": vm.name,
                    "memory": _number(vm.memory),
                    "vcpus": str(_number(vm.vcpus)),
                    "disk": str(_number(vm.disk)),
                    "locked": vm.locked,
                    "created_at": vm.created_at,
                    "status": self._vm_status(vm),
                    "backup_ids": list(vm.backup_ids),
                    "snapshot_ids": list(vm.snapshot_ids),
                    "image": dict(vm.image),
                    "features": list(vm.features),
                    "networks": {"v4": [dict(network) for network in vm.networks]},
                    "region": vm.region,
                }
            )
        return vm.json

    def action(self, action: Action) -> bytes:
        """An action as one JSON object: the seven members of the document, in its order.

        API: the table of attributes; `id` is the VM's.
        """
        if action.json is None:
            printed: Json = {"id": action.vm_id}
            if "numbered-actions" in self._quirks:
                printed = {"id": str(action.number), "resource_id": action.vm_id}
            is_odd = action.status == IN_PROGRESS and "unknown-status" in self._quirks
            action.json = self._object(
                printed
                | {
                    "status": self._quirks["unknown-status"] if is_odd else action.status,
                    "type": action.type,
                    "started_at": iso(action.started),
                    "completed_at": None if action.completed is None else iso(action.completed),
                    "resource_type": "vm",
                    "region": action.region,
                }
            )
        return action.json

    def listed(self, thing: Json) -> bytes:
        """Any other object: an account, a region."""
        return self._object(thing)

    def one(self, key: str, thing: bytes) -> bytes:
        """The envelope of a single object."""
        return b'{"%s": %s%s}' % (key.encode(), thing, b"," if self._has_commas else b"")

    def page(self, key: str, things: Sequence[bytes], total: int, links: Mapping[str, str]) -> bytes:
        """The envelope of a list.

        Args:
            key: The plural name.
            things: The objects of this page.
            total: How many there are on all pages.
            links: `first`, `prev`, `next`, `last` as far as they apply.
        """
        comma = b"," if self._has_commas else b""
        members = [b'"%s": [%s%s]' % (key.encode(), b", ".join(things), comma if things else b"")]
        if links and "no-links" not in self._quirks:
            members.append(b'"links": ' + self._text({"pages": dict(links)}))
        if "no-meta" not in self._quirks:
            members.append(b'"meta": ' + self._object({"total": total}))
        return b"{%s%s}" % (b", ".join(members), comma)

    def error(self, error_id: str, message: str) -> bytes:
        """The body of a refusal: `id` for programs, `message` for people."""
        return self._text({"id": error_id, "message": message})

    def _vm_status(self, vm: Vm) -> str:
        is_odd = "unknown-status" in self._quirks and sum(vm.id.encode()) % 5 == 0
        return self._quirks["unknown-status"] if is_odd else vm.status

    def _object(self, thing: Json) -> bytes:
        quirks = self._quirks
        if "region-objects" in quirks and isinstance(thing.get("region"), str):
            thing["region"] = {"name": thing["region"], "country": "ru", "description": ""}
        if "strings-as-numbers" in quirks:
            thing |= {key: _number(float(str(thing[key]))) for key in ("vcpus", "disk") if key in thing}
        if "numbers-as-strings" in quirks:
            thing = {
                key: str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
                for key, value in thing.items()
            }
        if "unknown-fields" in quirks:
            thing |= {"x_tier": "gold", "x_notes": {"seen": [1, 2.5, None, {"deep": True}]}}
        thing |= dict.fromkeys(self._nulls & thing.keys())
        return self._text({key: value for key, value in thing.items() if key not in self._left_out})

    def _text(self, value: object) -> bytes:
        text = _with_trailing_commas(value) if self._has_commas else json.dumps(value, ensure_ascii=False)
        try:
            return text.encode()
        except UnicodeEncodeError:  # a lone surrogate in a name: only its escape can be sent
            return json.dumps(value).encode()


def _with_trailing_commas(value: object) -> str:
    if isinstance(value, dict) and value:
        return (
            "{"
            + " ".join(f"{json.dumps(key)}: {_with_trailing_commas(member)}," for key, member in value.items())
            + "}"
        )
    if isinstance(value, list) and value:
        return "[" + " ".join(f"{_with_trailing_commas(member)}," for member in value) + "]"
    return json.dumps(value)


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _members(value: str) -> frozenset[str]:
    return frozenset(filter(None, value.split(",")))

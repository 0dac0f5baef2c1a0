"""What the cloud says, in the API's own words: frozen, and tolerant as section 11.1 of the API reference asks.

Every member may be missing, null, or of a neighbouring type. Times and texts stay as received; sizes become numbers, in
GB.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, SkipValidation, model_validator

from cftui.api.fields import Count, Flag, Name, Quantity, Text, Texts, instant_of, text_of
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow

_POWER = {"running": Power.ON, "stopped": Power.OFF}
"""The two words of the document. Any other is neither, so that nothing is allowed or refused on a guess."""

_PHASE = {"in-progress": Phase.RUNNING, "completed": Phase.SUCCEEDED, "errored": Phase.FAILED}


class CloudModel(BaseModel):
    """Base of what the cloud says."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    raw: SkipValidation[dict[str, object]] = Field(default_factory=dict, repr=False, exclude=True)
    """The object as it was received, with the members that this program does not know."""

    @model_validator(mode="before")
    @classmethod
    def _keep_raw(cls, received: object) -> object:
        return {**received, "raw": received} if isinstance(received, dict) else received

    @property
    def unknown(self) -> dict[str, object]:
        """The members of `raw` that the model has no field for."""
        return {name: value for name, value in self.raw.items() if name == "raw" or name not in type(self).model_fields}


class Image(CloudModel):
    """What a VM was made from."""

    id: Text = ""
    distro: Text = ""
    """The identifier used when the VM was made."""
    name: Text = ""
    """The operating system for people."""


class Address(CloudModel):
    """One address of a VM."""

    ip_address: Text = ""
    netmask: Text = ""
    gateway: Text = ""
    type: Text = ""
    """`public` or `private`, where the cloud says."""
    family: Text = ""
    """The key it stood under in `networks`, such as `v4`."""

    @property
    def is_public(self) -> bool:
        """Whether the cloud calls it public."""
        return "public" in (self.type, self.family)


def _image(value: object) -> Image | None:
    if isinstance(value, dict):
        return Image.model_validate(value)
    name = text_of(value)
    return Image(name=name) if name else None


def _addresses(value: object) -> tuple[Address, ...]:
    """Addresses from an object of lists by family; a bare list, single objects and plain texts are read too."""
    groups = value.items() if isinstance(value, dict) else [("", value)]
    found: list[Address] = []
    for family, entries in groups:
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                found.append(Address.model_validate(entry).model_copy(update={"family": family}))
            elif isinstance(entry, str):
                found.append(Address(ip_address=entry, family=family))
    return tuple(address for address in found if address.ip_address)


class VM(CloudModel):
    """A virtual machine. API reference: section 3."""

    id: Text = ""
    name: Text = ""
    memory: Quantity = None
    """GB."""
    vcpus: Quantity = None
    disk: Quantity = None
    """GB."""
    locked: Flag = None
    """True prevents every action; None when the cloud does not say."""
    created_at: Text = ""
    status: Text = ""
    """`running`, `stopped`, or any other word."""
    backup_ids: Texts = ()
    snapshot_ids: Texts = ()
    image: Annotated[Image | None, PlainValidator(_image)] = None
    features: Texts = ()
    networks: Annotated[tuple[Address, ...], PlainValidator(_addresses)] = ()
    """Addresses in the cloud's order, out of the API's object of lists."""
    region: Name = ""

    def row(self) -> VmRow:
        """What the list needs of it."""
        addresses = [address.ip_address for address in self.networks]
        public = (address.ip_address for address in self.networks if address.is_public)
        return VmRow(
            id=self.id,
            name=self.name,
            power=_POWER.get(self.status.lower(), Power.UNKNOWN),
            status=self.status,
            region=self.region,
            cpu=self.vcpus,
            ram_gb=self.memory,
            disk_gb=self.disk,
            address=next(public, addresses[0] if addresses else ""),
            created_at=self.created_at,
            locked=bool(self.locked),
            snapshot_ids=self.snapshot_ids,
            search="\n".join([self.id, self.name, *addresses, self.region, self.status]).lower(),
        )


def _failure(value: object) -> str:
    return text_of(value.get("message")) if isinstance(value, dict) else text_of(value)


class Action(CloudModel):
    """The cloud's record of something asked of a VM. API: "VMs Actions"."""

    id: Text = ""
    """The VM's id, as the document says; the action's own where another `resource_id` stands beside it."""
    status: Text = ""
    """`in-progress`, `completed`, `errored`, or any other word."""
    type: Text = ""
    started_at: Text = ""
    completed_at: Text = ""
    resource_type: Text = ""
    resource_id: Text = ""
    """Not in the document; where it is sent, it is the VM."""
    region: Name = ""
    error: Annotated[str, PlainValidator(_failure)] = ""
    """Not in the document: why it failed, where a cloud says so."""

    def row(self, vm_id: str = "") -> ActionRow:
        """What the history needs of it.

        Args:
            vm_id: The VM it was asked for; stands in where the answer names none.
        """
        return ActionRow(
            vm_id=self.resource_id or self.id or vm_id,
            type=self.type,
            status=self.status,
            phase=_PHASE.get(self.status.lower(), Phase.UNKNOWN),
            started_at=self.started_at,
            started=instant_of(self.started_at),
            completed_at=self.completed_at,
            completed=instant_of(self.completed_at),
            region=self.region,
            # Where both name the VM, the `id` is the documented one, and no action's.
            number=self.id if self.resource_id and self.id != self.resource_id else "",
            failure=self.error,
        )


class AccountInfo(CloudModel):
    """Whose account it is. API reference: section 4."""

    email: Text = ""
    uuid: Text = ""
    vm_limit: Count = None
    """How many VMs the account may have."""


def _coordinates(value: object) -> str:
    """`55.79682, 37.61154`: documented as a text, sent as an object."""
    if isinstance(value, dict):
        return ", ".join(text for text in (text_of(value.get("lat")), text_of(value.get("lng"))) if text)
    return text_of(value)


class Region(CloudModel):
    """A place where VMs live; known by its name alone. API reference: section 5."""

    name: Text = ""
    country: Text = ""
    coordinates: Annotated[str, PlainValidator(_coordinates)] = ""
    description: Text = ""

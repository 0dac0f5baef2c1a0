"""What there is to say about one VM of a run: what happened, how it stands now, and the keys that lead on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cftui.fleet.effects import current_size
from cftui.fleet.fleet import View
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import Power, VmRow
from cftui.operations.plan import Skipped, Step
from cftui.operations.runs import RunState, TargetState, TargetView
from cftui.text import clean, clock_time, cut, duration, number, size_words
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part
from cftui.tui.ordering import seconds_words
from cftui.tui.run_telling import RunMoment, TargetTold, way_out
from cftui.tui.telling import progress, told

_ENDS = {
    Stage.COMPLETED: "completed",
    Stage.VERIFIED: "completed",
    Stage.ERRORED: "errored",
    Stage.TIMED_OUT: "no end seen",
}


def lines_of(
    view: RunMoment, target: TargetView, known: View, now: datetime, key_of: Callable[[str], str]
) -> list[Line]:
    """Two lines of story and one of keys.

    Args:
        view: The run and its instant.
        target: The VM.
        known: What is known of the fleet.
        now: The wall clock.
        key_of: The key of a binding, by its id.
    """
    said = view.told(target)
    story = _steps(view, target, said) if view.run.plan.workflow else _story(view, said, now)
    return [story, _stands(view, target, known), ways_out(view, target, said, key_of)]


def skipped_lines(one: Skipped) -> list[Line]:
    """Why a VM was skipped."""
    return [[Part("   Nothing was sent to it: ", "muted"), Part(clean(one.reason), "text")]]


def _story(view: RunMoment, said: TargetTold, now: datetime) -> Line:
    """What the cloud said: `■×□  03:16:40 accepted, 03:16:49 errored. The API gave no reason`."""
    entry, line = said.entry, [Part(f"   {said.squares}  ", said.ink)]
    if entry is None:
        return [*line, Part(_sentence(said.text or said.word))]
    begun = clock_time(entry.started, now)
    match entry.stage:
        case Stage.COMPLETED | Stage.VERIFIED | Stage.ERRORED | Stage.TIMED_OUT:
            ended = f", {clock_time(entry.ended, now)} {_ENDS[entry.stage]}" if entry.ended is not None else ""
            why = clean(entry.message) or ("the API gave no reason" if entry.stage is Stage.ERRORED else "")
            return [*line, Part(f"{begun} accepted{ended}. {_sentence(why)}".rstrip())]
        case Stage.ACCEPTED | Stage.SENDING:
            return [*line, Part(f"{begun} accepted; {progress(entry, view.moment)}")]
        case _:
            return [*line, Part(f"{begun} {said.word}{': ' if said.text else '.'}{said.text}")]


def _steps(view: RunMoment, target: TargetView, said: TargetTold) -> Line:
    """`✓ shutdown  × resize  · power_on`: each step of a workflow."""
    line: Line = [Part(f"   {said.squares}  ", said.ink)]
    for at, step in enumerate(view.steps_of(target), 1):
        glyph, ink, word = step_told(view, target, step)
        line += [Part(f"{at} ", "muted"), Part(f"{glyph} ", ink), Part(step.request.type.value, "text")]
        line.append(Part(f" {word}   " if word else "   ", "muted"))
    return line


def step_told(view: RunMoment, target: TargetView, step: Step) -> tuple[str, str, str]:
    """Sign, ink and word of one step of a VM."""
    glyphs, entry = view.glyphs, view.entries.get(step.token)
    if step.token in target.not_needed:
        return glyphs.none, "muted", "not needed"
    if entry is None:
        is_over = target.state in (TargetState.FAILED, TargetState.UNKNOWN, TargetState.LEFT_OUT, TargetState.DONE)
        return glyphs.waiting, "muted", "not sent" if is_over else ""
    one = told(entry, view.moment)
    return one.glyph, one.ink, one.word


def _stands(view: RunMoment, target: TargetView, known: View) -> Line:
    """`It was running and reads ○ stopped now.` or, of a resize, how large it is."""
    vm, seen = known.vms.get(target.vm_id), view.steps[target.tokens[0]].vm
    indent = Part("        ")
    if vm is None:
        return [indent, Part("It does not exist any more.", "*bad")]
    line: Line = [indent]
    if vm.status != seen.status:
        line += [
            Part(f"It was {cut(clean(seen.status), 16)} and reads ", "text"),
            *power(vm, view.glyphs),
            Part(" now"),
        ]
    else:
        line += [Part("It reads ", "text"), *power(vm, view.glyphs), Part(", as before", "text")]
    if sizes := still(view, target, vm):
        line.append(Part(f"; it {sizes}"))
    return [*line, Part(".")]


def still(view: RunMoment, target: TargetView, vm: VmRow) -> str:
    """What a VM still has although a step was to change it: `still has 2 GB RAM`; empty where nothing of that kind."""
    if target.state not in (TargetState.FAILED, TargetState.UNKNOWN):
        return ""
    told_ = []
    for step in view.steps_of(target):
        for resource, wanted in step.request.sizes.items():
            now = current_size(vm, resource)
            if now is not None and now != wanted:
                amount = f"{number(now)} CPU" if resource == "cpu" else f"{size_words(now)} {_resource(resource)}"
                told_.append(amount)
    return f"still has {', '.join(told_)}" if told_ else ""


def _resource(name: str) -> str:
    return name if name == "disk" else name.upper()


def power(vm: VmRow, glyphs: Glyphs) -> Line:
    """A VM's sign and word."""
    glyph, ink = {Power.ON: (glyphs.running, "run"), Power.OFF: (glyphs.stopped, "stop")}.get(
        vm.power, (glyphs.other, "unk")
    )
    return [Part(f"{glyph} ", ink), Part(cut(clean(vm.status), 24), "*strong")]


def ways_out(view: RunMoment, target: TargetView, said: TargetTold, key_of: Callable[[str], str]) -> Line:
    """The keys that lead on from how one VM stands."""
    run = view.run
    line: Line = [Part("        ")]

    def key(name: str, words: str) -> None:
        line.extend([Part(name, "*key"), Part(f" {words}    ", "text")])

    if run.state is RunState.INTERRUPTED:
        key(key_of("run_resume"), "resume the run…")
        key(key_of("run_give_up"), "leave it as it is")
    elif target.state is TargetState.ASKING:
        key(key_of("run_wait"), f"wait {seconds_words(run.order.stop_limit_s)} more")
        key(key_of("run_force"), f"{way_out(run.plan.workflow)}…")
        key(key_of("run_give_up"), "give it up")
    elif target.state in (TargetState.FAILED, TargetState.LEFT_OUT):
        vm = view.moment.vms.get(target.vm_id)
        if vm is not None and vm.power is Power.OFF and _starts(view, target):
            key(f"{key_of('palette')} n", "power it on")
        if run.count(TargetState.FAILED) or run.count(TargetState.LEFT_OUT):
            key(key_of("run_retry"), retry_words(view))
        key(key_of("run_copy"), "copy the whole story")
    elif said.entry is not None and said.entry.stage is Stage.UNKNOWN:
        key(key_of("details"), "what became of it")
        line.append(Part("do not repeat it", "*unk"))
    else:
        key(key_of("details"), "the VM")
    return line


def retry_words(view: RunMoment, *, is_short: bool = False) -> str:
    """`retry the failed one`, `retry 3 failed`, `retry 2 failed, 4 left out`; short, `retry 6`."""
    failed, left_out = view.run.count(TargetState.FAILED), view.run.count(TargetState.LEFT_OUT)
    if is_short:
        return f"retry {failed + left_out:,}" if left_out else f"retry {failed:,} failed"
    if failed and not left_out:
        return "retry the failed one" if failed == 1 else f"retry {failed:,} failed"
    told_ = [f"{failed:,} failed"] if failed else []
    return f"retry {', '.join([*told_, f'{left_out:,} left out'])}"


def _starts(view: RunMoment, target: TargetView) -> bool:
    """Whether it ran when it was confirmed."""
    return view.steps[target.tokens[0]].vm.power is not Power.OFF


def took(entry: HistoryEntry) -> str:
    """How long a request took, in words; empty while it has not ended."""
    return "" if entry.ended is None else duration(max(0.0, entry.ended - entry.started))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""

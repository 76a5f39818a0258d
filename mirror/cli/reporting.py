"""A report in words and in JSON.

Every claim has a line of its own, and what was not shown has the last one. All bad items are named, not only the first.
Keys and hashes are shown whole.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mirror.cli.forking import Fork
from mirror.cli.terminal import Terminal, escape, in_groups, in_one_line, many
from mirror.tree import in_words, note_path
from mirror.verdict import Claim, Report, State

if TYPE_CHECKING:
    from mirror.network.standing import Told

WIDTH = max(len(claim.value) for claim in Claim) + 2
STATES = max(len(state.value) for state in State) + 2

NOT_SHOWN = "this shows who signed and what has not changed; it does not show that an account is true"


def print_report(
    terminal: Terminal, report: Report, code: int, fork: Fork | None = None, told: "Sequence[Told]" = ()
) -> None:
    """Show what a verification found, what was kept of a fork, and what came of each gateway that was asked."""
    terminal.say(_headline(report))
    for claim in Claim:
        verdict = report.verdict(claim)
        first, *rest = verdict.words or ("",)
        terminal.say(f"{claim.value:<{WIDTH}}{verdict.state.value:<{STATES}}{shown(first)}")
        for words in (*rest, *(fork.words if fork is not None and claim is Claim.APPEND_ONLY else ())):
            terminal.say(" " * (WIDTH + STATES) + shown(words))
    for index, withdrawn in sorted(report.withdrawn.items()):
        who = "with its token" if withdrawn.with_token else "by the publisher"
        why = f" ({withdrawn.reason})" if withdrawn.reason else ""
        terminal.say(
            f"{'withdrawn':<{WIDTH}}{f'#{index}':<{STATES}}{who}{why}, listed at #{withdrawn.by}; please delete copies"
        )
    for each in report.anchors if terminal.verbose else ():
        day = f"{each.day} " if each.day else ""
        terminal.say(f"{'anchor':<{WIDTH}}{each.standing.value:<{STATES}}{day}{shown(each.item)}: {shown(each.words)}")
    for state, words in in_rows(told):
        terminal.say(f"{'source':<{WIDTH}}{state:<{STATES}}{words}")
    summary = _summary(report)
    if summary:
        terminal.say(summary)
    terminal.say(NOT_SHOWN)
    terminal.give(as_json(report, code, fork, told))


def in_rows(told: "Sequence[Told]") -> Iterator[tuple[str, str]]:
    """What came of each gateway, in a word and a line; nothing of one that was not asked."""
    for each in told:
        if each.lied:
            yield "lied", in_one_line(each.lied)
        elif each.blocks:
            yield "brought", f"{in_one_line(each.who)}: {many(each.blocks, 'block', 'blocks')}, {each.size} bytes"
        elif each.absent:
            yield "has not", f"{in_one_line(each.who)}: it says not to have it, or does not show it"
        elif each.failed:
            yield "did not", in_one_line(each.failed)


def shown(words: str) -> str:
    """Words of a report, escaped, the keys in them in groups."""
    return " ".join(
        in_groups(word) if word.startswith("k51") and len(word) > 60 else word for word in escape(words).split(" ")
    )


def _headline(report: Report) -> str:
    parts = [report.mirror or escape(report.what)]
    if report.edition:
        parts.append(f"edition {report.edition}")
    if report.checkpoint is not None:
        parts.append(many(report.checkpoint.size, "entry", "entries"))
    if report.root_cid is not None:
        parts.append(f"index hash {report.root_cid}")
    return ", ".join(parts)


def _summary(report: Report) -> str:
    items = [escape(item) for item in report.bad_items()]
    if not items:
        return ""
    parts = [f"{many(len(items), 'item', 'items')} false: {', '.join(items)}"]
    if report.root_cid is not None:
        parts.append(many(report.counts.testimonies, "testimony holds", "testimonies hold"))
    quoted = [f"#{index}" for index in report.bad_indexes()]
    if quoted:
        parts.append(f"do not quote {', '.join(quoted)} from this copy")
    return "; ".join(parts)


def as_json(report: Report, code: int, fork: Fork | None = None, told: "Sequence[Told]" = ()) -> dict[str, Any]:
    """The same as one document."""
    return {
        "what": report.what,
        "mirror": report.mirror or None,
        "vkey": report.key.vkey if report.key else None,
        "key": str(report.key.ipns) if report.key else None,
        "edition": report.edition or None,
        "size": report.checkpoint.size if report.checkpoint else None,
        "index_hash": str(report.root_cid) if report.root_cid else None,
        "claims": {
            claim.value: {"state": report.verdict(claim).state.value, "words": list(report.verdict(claim).words)}
            for claim in Claim
        },
        "false": [
            {"claim": fault.claim.value, "item": fault.item, "words": fault.words, "index": fault.index}
            for fault in report.faults
        ],
        "withdrawn": [
            {
                "index": index,
                "note": in_words(note_path(index)),
                "by": withdrawn.by,
                "with_token": withdrawn.with_token,
                "reason": withdrawn.reason,
            }
            for index, withdrawn in sorted(report.withdrawn.items())
        ],
        "counts": {
            "testimonies": report.counts.testimonies,
            "attachments": report.counts.attachments,
            "signed_by_authors": report.counts.by_authors,
        },
        "anchors": [
            {
                "item": each.item,
                "size": each.size,
                "clock": each.clock,
                "state": each.standing.value,
                "day": str(each.day) if each.day else None,
                "block": each.block or None,
                "block_hash": each.block_hash or None,
                "words": each.words,
            }
            for each in report.anchors
        ],
        "sources": [
            {
                "who": each.who,
                "blocks": each.blocks,
                "bytes": each.size,
                "absent": each.absent,
                "lied": each.lied or None,
                "failed": each.failed or None,
            }
            for each in told
        ],
        "evidence": str(fork.evidence) if fork is not None and fork.evidence is not None else None,
        "not_shown": NOT_SHOWN,
        "exit_code": code,
    }

"""A report in words and in JSON.

Every claim has a line of its own, and what was not shown has the last one. All bad items are named, not only the first.
Keys and hashes are shown whole.
"""

from typing import Any

from mirror.cli.forking import Fork
from mirror.cli.terminal import Terminal, escape, in_groups, many
from mirror.tree import in_words, note_path
from mirror.verdict import Claim, Report, State

WIDTH = max(len(claim.value) for claim in Claim) + 2
STATES = max(len(state.value) for state in State) + 2

NOT_SHOWN = "this shows who signed and what has not changed; it does not show that an account is true"


def print_report(terminal: Terminal, report: Report, code: int, fork: Fork | None = None) -> None:
    """Show what a verification found, and what was kept of a fork."""
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
    summary = _summary(report)
    if summary:
        terminal.say(summary)
    terminal.say(NOT_SHOWN)
    terminal.give(as_json(report, code, fork))


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


def as_json(report: Report, code: int, fork: Fork | None = None) -> dict[str, Any]:
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
        "evidence": str(fork.evidence) if fork is not None and fork.evidence is not None else None,
        "not_shown": NOT_SHOWN,
        "exit_code": code,
    }

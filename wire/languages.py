"""What a node can do with which languages. PURE."""

from __future__ import annotations

from wire.messages import AUTO
from wire.records import NodeRecord

ANY_SOURCE = "*"


def translates(node: NodeRecord, source: str, target: str) -> bool:
    """Whether the node has a way from `source` (a code, or "auto") into `target`."""
    sources = node.targets.get(target, [])
    return ANY_SOURCE in sources or source in sources or (source == AUTO and bool(sources))

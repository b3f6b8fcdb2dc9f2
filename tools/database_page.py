#!/usr/bin/env python3
"""Write the schema of photometry.db into docs/database.md, so that the manual says what it holds: make docs."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "database.md"
sys.path.insert(0, str(ROOT))

from photometrypipeline.frames import observationsdb  # noqa: E402


def main():
    text = PAGE.read_text(encoding="utf-8")
    text = re.sub(r"```sql\n.*?```", lambda _: f"```sql\n{observationsdb.SCHEMA}```", text, flags=re.DOTALL)
    text = re.sub(r"\*\*version \d+\*\*", f"**version {observationsdb.VERSION}**", text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

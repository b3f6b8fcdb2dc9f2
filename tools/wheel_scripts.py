"""Build hook: put the scripts of the checkout, setup/ and the example into the wheel as photometrypipeline/_scripts.

At the top of site-packages modules called `catalog`, `toolbox` or `diagnostics` would be in everyone's way.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = "photometrypipeline/_scripts"


class ScriptsHook(BuildHookInterface):
    def initialize(self, version, build_data):
        if version == "editable":  # then the checkout itself stands on sys.path
            return
        root = Path(self.root)
        example = root / "example_data"
        paths = [*root.glob("*.py"), *(root / "setup").rglob("*")]
        paths += [example / "check_example.py", *(example / "vatt4k").rglob("*")]
        names = [path.relative_to(root).as_posix() for path in sorted(paths) if path.is_file()]
        for name in names:
            if "__pycache__" not in name:
                build_data["force_include"][str(root / name)] = f"{TARGET}/{name}"

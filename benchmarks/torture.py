#!/usr/bin/env python3
"""Do to the pipeline what happens to it in the field, and count what it does wrong.

    .venv/bin/python benchmarks/torture.py                          all of it; hours
    .venv/bin/python benchmarks/torture.py files -number 300        one part of it
    .venv/bin/python benchmarks/torture.py files -only 17           one case again, all that it said

Parts: files (each kind of file damaged in each way, before each command), headers (of raw frames, before pp_prepare),
kills (of each command, before or after any file is renamed into its place, or at any time), programs (missing, dying,
hanging, talking nonsense), services (each failure of each), disk (full, read-only, owned by another, few open files),
names (something else lies where a command is going to write), calls (one of the system fails: open, write, rename,
a database, a process).

Whatever happens: the status is 0 to 3, nothing hangs, no traceback, no "internal error", no escape code and no warning
of Python's on the screen; who fails says why; a frame's trouble is its own; pixels stay.  When the harm is mended,
pp_run ends at the bytes of a quiet run.  Cases are drawn with a fixed seed: the same number is the same case.
"""

import argparse
import contextlib
import itertools
import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers"), str(ROOT / "tests")]

import damage  # noqa: E402  lie with the tests
import failing  # noqa: E402
import interrupting  # noqa: E402
import occupied  # noqa: E402
import ordeal  # noqa: E402
import services as local  # noqa: E402
from harm import (  # noqa: E402
    COMMANDS,
    CURVE,
    EXPORTED,
    FRAMES,
    HOME,
    OF_A_FRAME,
    OFFLINE,
    SHARED,
    VICTIM,
    Ground,
    Score,
    forget_stores,
)

# ---- files


def victims(folder):
    """Return the files that are damaged, as {name in the data set: whether pp_run makes it again}."""
    made = dict.fromkeys(SHARED + OF_A_FRAME, True)
    made |= dict.fromkeys(
        ("positions.dat", "fixed.dat", "exclude.txt", "pp_choices.toml", "badpixels.fits", f"{VICTIM}.fits"), False
    )
    deeper = [*(folder / ".diagnostics").rglob("*.json"), folder / ".diagnostics" / f"{VICTIM}.head"]
    made |= dict.fromkeys((str(path.relative_to(folder)) for path in deeper), True)
    given = [*(folder / "pp_store").rglob("*.sqlite"), *(folder / HOME).rglob("*.sqlite")]
    given += (folder / HOME).rglob("*.toml")
    made |= dict.fromkeys((str(path.relative_to(folder)) for path in given), False)
    return {name: again for name, again in made.items() if (folder / name).exists()}


def file_cases(ground, seed, commands=COMMANDS):
    """Return [(command, name of the file, kind of damage), ...] in an order that the seed tells."""
    cases = [
        (command, name, kind)
        for command, name in itertools.product(commands, sorted(victims(ground.quiet)))
        for kind in damage.any_kind(Path(name))
    ]
    random.Random(seed).shuffle(cases)
    return cases


def damaged_file(ground, number, case):
    """Return (Outcome, faults) of one case."""
    command, name, kind = case
    with ground.copy() as folder:
        rng = random.Random(number)
        try:
            damage.apply(kind, folder / name, rng)
        except Exception as error:  # noqa: BLE001  what cannot be damaged in this way is no case
            return None, [f"cannot be damaged: {error!r}"] if "-v" in sys.argv else []
        before = interrupting.pixels(folder) if not name.endswith(".fits") else {}
        outcome = ordeal.run(command.split()[0], COMMANDS[command], folder, ground.environment(folder))
        faults = outcome.faults()
        after = interrupting.pixels(folder) if before else {}
        faults += [f"pixels of {frame} changed" for frame in FRAMES if before.get(frame) != after.get(frame)]
        if name in OF_A_FRAME and outcome.status in (1, 2) and command.startswith("pp_"):
            faults.append(f"the file of one frame takes all down: {outcome.told[-300:]}")
        if name in OF_A_FRAME and outcome.status == 3 and VICTIM not in outcome.told:
            faults.append(f"the frame is not named: {outcome.told[-300:]}")
        if kind == "a folder" or not victims(ground.quiet)[name]:
            damage.put_back(folder / name, ground.quiet / name)
        outcome.ways = [name, kind]
        return outcome, faults + ground.ends_well(folder)


def files(ground, args):
    score, cases = Score("files"), file_cases(ground, args.seed, args.command or COMMANDS)
    for number, case in chosen(cases, args):
        outcome, faults = damaged_file(ground, number, case)
        score.note(f"{number} [{', '.join(case)}]", outcome, faults)
        if args.only is not None and outcome:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def chosen(cases, args):
    """Return the numbered cases that the command line asks for."""
    if args.only is not None:
        return [(args.only, cases[args.only])]
    return list(enumerate(cases))[args.start : args.start + args.number]


# ---- headers

TOGETHER = 20  # odd headers in one data set
IN_A_RUN = 6  # of them where all steps follow


def headers(ground, args):
    """Raw frames with odd headers, twenty in a folder: each is read or named, their two neighbours come out as ever.

    One folder in twenty goes through pp_run, with six of them among four good ones.
    """
    score, alone = Score("headers"), {}
    sets = [("known", "unknown")[n % 2] for n in range(args.start + args.number)]
    for number, camera in chosen(sets, args):
        rng = random.Random(f"{args.seed} {number}")
        if number % 20 == 19:
            outcome, faults = odd_headers_of_a_run(ground, rng)
        else:
            outcome, faults = odd_headers(ground, camera, rng, alone)
        score.note(f"{number} [{camera}]", outcome, faults)
        score.things += IN_A_RUN if number % 20 == 19 else TOGETHER
        if args.only is not None:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def odd_headers(ground, camera, rng, alone):
    """Return (Outcome, faults) of pp_prepare; `alone` keeps the bytes of good frames without such neighbours."""
    good = damage.cards_of(damage.CAMERAS[camera])
    odd = [f"odd{number:02d}.fits" for number in range(TOGETHER)]
    names = ["a_good.fits", *odd, "z_good.fits"]
    if camera not in alone:
        alone[camera] = prepared(ground, camera, names[::21], {})[1]
    outcome, found = prepared(ground, camera, names, {name: damage.mutated(good, rng) for name in odd})
    faults = outcome.faults()
    if outcome.status not in (0, 3):
        faults.append(f"the neighbours are not done: status {outcome.status}, {outcome.told[-300:]}")
    faults += [f"{name} is another one than alone" for name, content in alone[camera].items() if found[name] != content]
    for name in odd:
        named = f"{name}: " in outcome.told + outcome.log or re.search(f"left out: .*{name}", outcome.log)
        if b"MIDTIMJD" not in found[name] and not named:
            faults.append(f"{name} is neither prepared nor named: {outcome.told[-300:]}")
    return outcome, faults


def prepared(ground, camera, names, cards):
    """Return (Outcome, {name: bytes}) of pp_prepare on small frames, those in `cards` {name: cards} with these."""
    good = damage.cards_of(damage.CAMERAS[camera])
    with ground.nest() as folder:
        for name in names:
            damage.write_frame(folder / name, cards.get(name, good))
        argv = ["-jobs", "1", "-offline", *names]
        outcome = ordeal.run("pp_prepare", argv, folder, ground.environment(folder))
        return outcome, {name: (folder / name).read_bytes() for name in names}


def odd_headers_of_a_run(ground, rng):
    """Return (Outcome, faults) of pp_run on good frames and copies of them with odd headers."""
    with ground.copy(ground.raw) as folder:
        odd = [f"odd{number}.fits" for number in range(IN_A_RUN)]
        for name in odd:
            shutil.copy(folder / rng.choice(FRAMES), folder / name)
            damage.apply("odd cards", folder / name, rng)
        argv = [*OFFLINE, *FRAMES, *odd]
        outcome = ordeal.run("pp_run", argv, folder, ground.environment(folder))
        faults, done = outcome.faults(), (folder / CURVE).read_text() if (folder / CURVE).exists() else ""
        for name in odd if outcome.status != 2 else []:  # frames of two filters are refused as a whole, by groups
            if Path(name).stem not in done and name not in outcome.told:
                faults.append(f"{name} is neither done nor named")
        apart = re.search("frames (in|of) several (filters|instruments)", outcome.told)  # no data set: refused as one
        for name in FRAMES:
            if Path(name).stem not in done and not apart:
                faults.append(f"{name} is lost with its neighbours: {outcome.told[-400:]}")
        for name in odd:
            (folder / name).unlink(missing_ok=True)
        return outcome, faults + ground.ends_well(folder)


# ---- kills


def kills(ground, args):
    """SIGKILL for a command in the raw or finished data set, at a rename or at any time; repeated: the same bytes.

    Every fourth time pp_run comes behind it, and has to leave what it leaves where nothing was killed.
    """
    commands, hit = list(COMMANDS), 0
    score = Score("kills")
    for number, command in chosen([commands[n % len(commands)] for n in range(args.start + args.number)], args):
        rng = random.Random(f"{args.seed} {number}")
        of = ground.raw if command in ("pp_prepare", "pp_run") and rng.random() < 0.7 else ground.quiet
        calm, renames, first = ground.undisturbed(command, of)
        with ground.copy(of) as folder:
            before, setting = interrupting.pixels(folder), ground.environment(folder)
            argv = command.split()[0], COMMANDS[command], folder, setting
            if renames and rng.random() < 0.5:
                outcome = ordeal.run(*argv, ordeal.kill_at(rng.randint(1, renames), rng.random() < 0.5))
            else:
                outcome = ordeal.run(*argv, kill_after_s=rng.uniform(0, calm.duration_s))
            hit += outcome.status == -9
            faults = [] if outcome.status == -9 else outcome.faults()
            after = interrupting.pixels(folder)
            faults += [f"pixels of {frame} changed" for frame in FRAMES if before[frame] != after[frame]]
            exported = (folder / EXPORTED).exists()  # complete, then, and never written over
            again = ordeal.Outcome(0, "", "", 0.0) if exported else ordeal.run(*argv)
            wrong = ground.judged(again, folder, first, command)
            if any("other bytes" in fault for fault in wrong):  # frames that it had come to the end with are made twice
                wrong = ground.judged(again, folder, first, command, ground.undisturbed_then(command, of, command))
            faults += wrong
            if number % 4 == 0 and not ground.quick:
                last = ordeal.run("pp_run", ["-fresh", *COMMANDS["pp_run"]], *argv[2:])
                faults += ground.judged(last, folder, ground.undisturbed_then(command, of))
            score.note(f"{number} [{command}]", outcome, faults)
        if args.only is not None:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    print(f"kills: {hit} of {score.tried} hit")
    return score


# ---- programs

REAL = {name: shutil.which(name) for name in ("source-extractor", "scamp", "SWarp")}
WAYS = {
    "missing": None,
    "no program": "no program at all\n",
    "fails": "#!/bin/sh\necho 'Error: out of order' >&2\nexit 1\n",
    "fails with escape codes": "#!/bin/sh\nprintf '\\033[31mError: red\\033]0;title\\007 \\377\\n' >&2\nexit 1\n",
    "does nothing": "#!/bin/sh\nexit 0\n",
    "crashes": "#!/bin/sh\nkill -SEGV $$\n",
    "hangs": "#!/bin/sh\nsleep 1000\n",
    "hangs behind a script": "#!/bin/sh\nsleep 1000 & wait\n",
    "talks": "#!/bin/sh\nhead -c 3000000 /dev/urandom\nexit 2\n",
    "fails now and then": "#!/bin/sh\nn=$(cat COUNT 2>/dev/null || echo 0); echo $((n+1)) > COUNT\n"
    '[ $((n % 3)) = 1 ] && exit 1\nexec REAL "$@"\n',
    "crashes behind its work": '#!/bin/sh\nREAL "$@"\nkill -SEGV $$\n',
    "writes nonsense": '#!/bin/sh\nREAL "$@" || exit $?\nfor f in "$@"; do case "$f" in *.tmp|*.head|*.xml) '
    '[ -f "$f" ] && echo nonsense > "$f";; esac; done; exit 0\n',
    "writes half": '#!/bin/sh\nREAL "$@" || exit $?\nfor f in "$@"; do case "$f" in *.tmp|*.head|*.xml) '
    '[ -f "$f" ] && truncate -s 3000 "$f";; esac; done; exit 0\n',
    "fails for one frame": '#!/bin/sh\ncase "$*" in *0218*) echo Error >&2; exit 1;; esac\nexec REAL "$@"\n',
    "has an odd version": '#!/bin/sh\ncase "$1" in -v|--version) printf "\\033[1mversion ?.\\0\\n"; exit 0;; esac\n'
    'exec REAL "$@"\n',
}
OF_PROGRAMS = ["pp_run -force", "pp_extract", "pp_register", "pp_photometry", "pp_combine", "pp_stackedphotometry",
               "pptool_psfsub", "pptool_doctor", "pptool_telescope"]  # fmt: skip


def programs(ground, args):
    """Each program out of order in each way, before each command that calls one; then it works again."""
    cases = [(*each,) for each in itertools.product(OF_PROGRAMS, REAL, WAYS)]
    random.Random(args.seed).shuffle(cases)
    score = Score("programs")
    for number, (command, program, way) in chosen(cases, args):
        with ground.copy() as folder:
            bin_folder = folder.parent / "bin"
            bin_folder.mkdir()
            put_program(bin_folder, program, WAYS[way])
            setting = ground.environment(folder) | {"PATH": paths_without(bin_folder)}
            argv = COMMANDS[command]
            outcome = ordeal.run(command.split()[0], argv, folder, setting, ordeal.impatient)
            score.note(f"{number} [{command}, {program} {way}]", outcome, outcome.faults() + ground.ends_well(folder))
        if args.only is not None:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def put_program(folder, program, script):
    """Link the programs that are well into `folder`, and put the one that is not there as a script, or leave it out."""
    for name, path in REAL.items():
        if name != program and path:
            (folder / name).symlink_to(path)
    if script is not None:
        text = script.replace("REAL", str(REAL[program])).replace("COUNT", str(folder / "count"))
        (folder / program).write_text(text)
        (folder / program).chmod(0o755)


def paths_without(folder):
    """Return a PATH that leads to `folder`, and to all programs of the system but ours."""
    tools = folder.parent / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "echo", "sleep", "ps", "head", "truncate", "printf", "kill", "uname", "env"):
        if shutil.which(name):
            (tools / name).symlink_to(shutil.which(name))
    return f"{folder}:{tools}"


# ---- services

FAULTS = ["slow", "garbage", "500", "503", "retry_after", "404", "html", "circle", "empty", "cut", "truncated",
          "error_info", "refuse", "another"]  # fmt: skip
MANGLED = ["a word", "a number", "all numbers", "escape codes", "no rows", "a letter for each digit", "bits"]
OF_SERVICES = {
    "pp_register": FRAMES,
    "pp_calibrate": FRAMES,
    "pp_photometry": FRAMES,
    "pp_distill": ["-asteroids", "-variable_stars", *FRAMES],
    "pp_run": FRAMES,
    "pptool_store": ["fetch", "GAIA", "179.5", "6.25", "0.1", "18"],
    "pptool_lightcurve": ["-draft", CURVE],
    "pptool_doctor": [],
}


def services(ground, args):
    """Each fault of each service before each command that asks one, with an empty store; then it works again."""
    routes = ("vizier", "mast", "horizons", "skybot")
    cases = list(itertools.product(OF_SERVICES, routes, FAULTS + MANGLED, ("once", "always")))
    random.Random(args.seed).shuffle(cases)
    score = Score("services")
    with local.Server(*ground.served()) as server:
        server.slow_s = 3.0
        server.quiet()
        for number, (command, route, fault, how) in chosen(cases, args):
            with ground.copy(ground.raw if command == "pp_run" else None) as folder:
                forget_stores(folder)
                setting = ground.environment(folder) | server.environment()
                server.mangler = mangler(fault, random.Random(number)) if fault in MANGLED else None
                server.mangled = route
                server.faults = {} if fault in MANGLED else {route: [fault] if how == "once" else fault}
                outcome = ordeal.run(command, OF_SERVICES[command], folder, setting)
                faults = outcome.faults()
                server.mangler, server.faults = None, {}
                faults += [] if ground.quick else ground.ends_as_answered(folder, server)
                score.note(f"{number} [{command}, {route} {fault} {how}]", outcome, faults)
            if args.only is not None:
                print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def mangler(kind, rng):
    """Return a function that changes the body (bytes) of an answer."""
    number = rb"(?<![\w.])-?\d+\.\d+"

    def change(body):
        places = list(re.finditer(number, body))
        if kind == "bits":
            content = bytearray(body)
            for _ in range(8):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            return bytes(content)
        if kind == "no rows":
            return re.sub(rb"(?s)<TR>.*</TR>|\$\$SOE.*\$\$EOE|\[\[.*\]\]", b"", body)
        if kind == "a letter for each digit":
            return re.sub(number, lambda found: re.sub(rb"\d", b"x", found.group()), body)
        if kind == "all numbers":
            return re.sub(number, rng.choice([b"n.a.", b"1e99", b"-999.9", b"nan"]), body)
        if not places:
            return body
        place = rng.choice(places)
        odd = {"a word": b"n.a.", "a number": b"1e99", "escape codes": b"\x1b[31mred"}[kind]
        return body[: place.start()] + odd + body[place.end() :]

    return change


# ---- disk


def disk(ground, args):
    """A disk that is full, that nothing can be written to, or another's; few open files; then it is well again."""
    ways = [
        *(f"no file longer than {size} kB" for size in (0, 1, 8, 40, 200)),
        *(f"{n} open files" for n in (8, 16, 24)),
    ]
    ways += ["full", "nearly full", "read-only", "another's", "store read-only", "store full", "no home"]
    cases = list(itertools.product(COMMANDS, ways))
    random.Random(args.seed).shuffle(cases)
    score = Score("disk")
    for number, (command, way) in chosen(cases, args):
        with ground.copy(ground.raw if command == "pp_run" else None) as folder, trouble(ground, folder, way) as got:
            if got is None:
                print(f"{way}: not tried, the system does not let us")
                continue
            where, before = got
            outcome = ordeal.run(command.split()[0], COMMANDS[command], where, ground.environment(where), before)
            faults = outcome.faults()
            if where != folder:
                mended(where, folder)
            score.note(f"{number} [{command}, {way}]", outcome, faults + ground.ends_well(folder))
            if args.only is not None:
                print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


@contextlib.contextmanager
def trouble(ground, folder, way):
    """Yield (folder in which the disk is so, what to do in the process), or None."""
    home = folder / HOME
    home.mkdir(exist_ok=True)
    words = way.split()
    if way.startswith("no file longer"):
        yield folder, ordeal.little_disk(int(words[4]) * 1024)
    elif way.endswith("open files"):
        yield folder, ordeal.few_files(int(words[0]))
    elif way in ("full", "nearly full", "read-only"):
        other = folder.parent / "disk"
        other.mkdir()
        if not ordeal.mount_tmpfs(other, "40m"):
            yield None
            return
        try:
            shutil.copytree(folder, other / "set", symlinks=True)
            if way == "read-only":
                ordeal.remount(other, "ro")
            else:
                ordeal.fill(other, {"full": 0, "nearly full": 300_000}[way])
            yield other / "set", None
        finally:
            ordeal.unmount(other)
    elif way == "another's":
        if os.getuid():
            yield None
            return
        for place, folders, names in os.walk(folder):
            for each in (place, *(os.path.join(place, name) for name in folders + names)):
                os.chown(each, occupied.OWNER, occupied.OWNER, follow_symlinks=False)
        yield folder, ordeal.no_privileges
    else:
        home = folder.parent / "home"
        home.mkdir()
        if way == "no home":
            home.rmdir()
            home.write_text("")
        elif not ordeal.mount_tmpfs(home, "64k"):
            yield None
            return
        elif way == "store read-only":
            ordeal.remount(home, "ro")
        names = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        try:
            yield folder, lambda: os.environ.update(dict.fromkeys(names, str(home)))
        finally:
            ordeal.unmount(home)


def mended(where, folder):
    """Bring the data set from the disk that had the trouble to one that has none."""
    shutil.rmtree(folder)
    shutil.copytree(where, folder, symlinks=True)


PARTS = {
    "files": files,
    "headers": headers,
    "kills": kills,
    "programs": programs,
    "services": services,
    "disk": disk,
    "calls": lambda ground, args: failing.calls(ground, args, chosen),
    "names": lambda ground, args: occupied.names(ground, args, chosen),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("-number", type=int, default=3000, help="cases of a part at most")
    parser.add_argument("-start", type=int, default=0, help="number of the first case")
    parser.add_argument("-only", type=int, help="this case alone, with all that it says")
    parser.add_argument("-command", action="append", choices=COMMANDS, help="files: before these alone")
    parser.add_argument("-quick", action="store_true", help="without the run that comes after each case")
    parser.add_argument("-seed", type=int, default=1)
    args = parser.parse_args()
    for module in {command.split()[0] for command in COMMANDS}:
        __import__(module)
    with tempfile.TemporaryDirectory(prefix="pp_torture_") as place:
        os.environ.update(dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), place))
        ground = Ground(place, args.quick)
        scores = [PARTS[part](ground, args) for part in args.parts or PARTS]
    print(*(score.summary() for score in scores), sep="\n")
    return int(any(score.wrong for score in scores))


if __name__ == "__main__":
    sys.exit(main())

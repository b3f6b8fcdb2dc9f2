"""The part of torture.py in which something else lies where a command will write: folders, pipes, others' files."""

import os
import random
import shutil

import damage
import ordeal
from harm import COMMANDS, EXPORTED, FRAMES, HOME, OF_A_FRAME, VICTIM, Score

OWNER = 65534  # nobody
MINE = "mine.txt"  # lies in the folder that is in the way


def _folder(path):
    path.mkdir()
    (path / MINE).write_text("mine\n")


def _link_to_folder(path):
    target = path.parent / f"{path.name}_elsewhere"
    _folder(target)
    path.symlink_to(target)


def _file_of_another(path):
    path.write_text("of another\n")
    if os.getuid() == 0:
        os.chown(path, OWNER, OWNER)
    path.chmod(0o600)


def _unreadable(path):
    path.write_text("of mine\n")
    path.chmod(0)


WAYS = {
    "a folder": _folder,
    "a link to a folder": _link_to_folder,
    "a pipe": os.mkfifo,
    "a file of another": _file_of_another,
    "a file that cannot be read": _unreadable,
}
BEFORE = dict.fromkeys(("a file of another", "a file that cannot be read"), ordeal.no_privileges)


def names(ground, args, chosen):
    """Something else lies where a command is going to write; it stays, or is replaced, and the command says so."""
    score, known, commands = Score("names"), {}, list(COMMANDS)
    random.Random(args.seed).shuffle(commands)
    for number, command in chosen([commands[n % len(commands)] for n in range(args.start + args.number)], args):
        if command not in known:
            known[command] = written(ground, command)
        rng = random.Random(f"{args.seed} {number}")
        name, way = rng.choice(known[command] or ["LOG"]), rng.choice(list(WAYS))
        with ground.copy() as folder:
            outcome, faults = occupied(ground, folder, command, name, way)
            score.note(f"{number} [{command}, {name}, {way}]", outcome, faults)
        if args.only is not None:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def written(ground, command):
    """Return the names (list of str) of the files that a command writes in a finished data set."""
    with ground.copy() as folder:
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
        ordeal.run(command.split()[0], COMMANDS[command], folder, ground.environment(folder))
        paths = [path for path in folder.rglob("*") if path.is_file()]
        news = [path.relative_to(folder) for path in paths if path.stat().st_mtime_ns != before.get(path)]
        return sorted(str(path) for path in news if path.parts[0] not in (HOME, EXPORTED) and path.name not in FRAMES)


def occupied(ground, folder, command, name, way):
    """Return (Outcome, faults) of a command where something lies at one of its names."""
    path = folder / name
    if os.path.lexists(path):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    WAYS[way](path)
    outcome = ordeal.run(command.split()[0], COMMANDS[command], folder, ground.environment(folder), BEFORE.get(way))
    faults = outcome.faults()
    if "folder" in way and not list(folder.rglob(MINE)):
        faults.append("what was in the folder is lost")
    told = outcome.told + outcome.log
    if outcome.status in (1, 2, 3) and path.name not in told and not (name in OF_A_FRAME and VICTIM in told):
        faults.append(f"what is in the way is not named: {outcome.told[-300:]}")
    if name in OF_A_FRAME and outcome.status in (1, 2):
        faults.append(f"a file of one frame takes all down: {outcome.told[-300:]}")
    shutil.rmtree(path.parent / f"{path.name}_elsewhere", ignore_errors=True)
    damage.put_back(path, ground.quiet / name)
    return outcome, faults + ground.ends_well(folder)

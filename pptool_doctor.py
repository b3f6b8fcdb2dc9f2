#!/usr/bin/env python3
"""Look whether all is there that the pipeline needs, and say what to do where it is not.

reads   versions of programs and packages, settings and telescope files, the store; asks each service once
writes  nothing

One line for each thing: ok, warning (something is limited), failed (pp_run cannot work); status 1 if any failed.

Examples:
  pptool_doctor
  pptool_doctor -offline
  pptool_doctor -json > state.json
"""

from photometrypipeline.base import commandline
from photometrypipeline.runs import stepoptions


def build_parser():
    """Return the parser of the command line."""
    parser = commandline.parser_of(__doc__, stepoptions.Offline, images=False, summary=False)
    parser.add_argument("-json", action="store_true", help="print JSON: a list of name, state, text, remedy")
    return parser


commandline.answer_at_once(build_parser)

# isort: split
import dataclasses
import json
import logging
import sys
import warnings

import pp_setup
from photometrypipeline.base.errors import FAILED
from photometrypipeline.base.errors import OK as FINE
from photometrypipeline.runs import doctor


def main(argv=None):
    """Print the Findings as they come; return the exit status.  It writes no LOG: the folder may not be writable."""
    args = build_parser().parse_args(argv)
    logging.disable(logging.CRITICAL)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in doctor.examine(pp_setup, args.offline):
            found.append(each)
            if not args.json:
                print(
                    f"{each.state:8}{each.name}: {each.text}" + (f"; {each.remedy}" if each.remedy else ""), flush=True
                )
    logging.disable(logging.NOTSET)
    states = [each.state for each in found]
    if args.json:
        print(json.dumps([dataclasses.asdict(each) for each in found], indent=1))
    else:
        warned = states.count(doctor.WARNING)
        warnings_ = f"{warned} {'warning' if warned == 1 else 'warnings'}"
        print(f"{states.count(doctor.OK)} ok, {warnings_}, {states.count(doctor.BAD)} failed")
    return FAILED if doctor.BAD in states else FINE


if __name__ == "__main__":
    sys.exit(main())

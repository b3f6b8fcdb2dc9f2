"""The instruments under the names that scripts of users know from the original suite.

    import sys
    sys.path.insert(0, "/path/to/photometrypipeline/setup")
    from telescopes import telescope_parameters
    telescope_parameters["VATT4K"]["secpix"]

Names: telescope_parameters, instrument_identifiers, implemented_telescopes, rootpath, each dictionary (vatt4k_param).
The instruments themselves are defined in instruments/*.toml, and those of a user in mytelescopes.py as ever.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the checkout, for scripts that run outside of it
from photometrypipeline.instruments import mytelescopes, telescopes

globals().update(mytelescopes.legacy_names(telescopes.load(), telescopes.SETUP_FOLDER.parent))

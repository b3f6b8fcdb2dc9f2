"""Settings of the website: what is shown, and how large."""

from dataclasses import dataclass

from photometrypipeline.base.errors import UsageError

IMAGE_FORMATS = ("png", "webp", "jpg")  # what both browsers and the drawing libraries know
STRETCHES = ("linear", "log", "power")


@dataclass
class DiagnosticsSettings:
    """What the pages show; `pp_setup.confdiagnostics` is one of these.  Lengths on screen are pixels or inches."""

    diagnostics_path: str = "."  # folder of the main page and of .diagnostics/
    main_html: str = "diagnostics.html"
    image_file_format: str = "png"  # see IMAGE_FORMATS
    individual_frame_pages: bool = True  # without: names are plain text, points of plots lead nowhere

    image_stretch: str = "linear"  # see STRETCHES
    image_size_lg_px: int = 1000  # quick view: a frame is reduced to this longest side,
    image_size_lg_in: float = 5  # and shown this large (times image_dpi)
    image_size_thumb_px: int = 200  # cut-out: side in pixels of the frame,
    image_size_thumb_in: float = 2.5  # and shown this large (times image_dpi)
    image_dpi: int = 150
    show_quickview_image: bool = True  # both star maps need it
    plot_dpi: int = 100

    show_registration_table: bool = True
    show_registration_star_map: bool = True
    show_phot_calibration_plots: bool = True
    show_calibration_star_map: bool = True
    show_calibration_star_table: bool = True

    show_target_animations: bool = True
    animation_frames: int = 300  # of the GIF at most, evenly taken from longer runs; the player on the page has all
    thumb_scalelength: float = 10  # arcsec; scale bars

    def check(self):
        """Return the settings themselves.  Raises UsageError for a value that nothing can be drawn with."""
        for name, known in (("image_file_format", IMAGE_FORMATS), ("image_stretch", STRETCHES)):
            if getattr(self, name) not in known:
                raise UsageError(f"diagnostics setting {name} = {getattr(self, name)!r}; known: {', '.join(known)}")
        sizes = ("image_size_lg_px", "image_size_lg_in", "image_size_thumb_px", "image_size_thumb_in")
        for name in (*sizes, "image_dpi", "plot_dpi", "animation_frames"):
            if not getattr(self, name) > 0:
                raise UsageError(f"diagnostics setting {name} = {getattr(self, name)!r}; it has to be above 0")
        return self

"""The command line: parses, calls, prints. Heavy imports wait until a command needs them."""

import errno
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nasdip.console import note
from nasdip.errors import NasdipError
from nasdip.process import prepare

app = typer.Typer(
    name="nasdip",
    help="Restore noisy images with untrained networks (Deep Image Prior), and search for their best architecture.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)
zoo_app = typer.Typer(help="The ready architectures.", no_args_is_help=True)
app.add_typer(zoo_app, name="zoo")

# typer brings click in, under another name from version to version.
_UsageError: Any = typer.BadParameter.__base__
_STOPPED = 130

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="fp32, bf16 (less time and memory where the device knows it), or auto: the faster one "
        "[default: auto; published: fp32]."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result on the same machine's CPU.")]
Clean = Annotated[
    Path | None, typer.Option(help="The clean image, if there is one: measures, and picks what is called oracle.")
]

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A search or restoration: its folder, or an NNI experiment's id or folder.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from nasdip import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def restore(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or TIFF files.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path("restored"),
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RUN|TEXT", help="From the zoo, a JSON file, a search, an NNI experiment's id, or a text."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Most time for each picture, as 60s, 5m or 1.5h: picks the zoo's best architecture that takes no "
            "longer here, by the estimate that is told; where none does, the cheapest, with fewer steps. Not together "
            "with --architecture.",
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="How to fit: fast, or published (as published for denoising, many times slower).")
    ] = "fast",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Most optimiser steps; the rule --stop ends most fits sooner [default: by size]."),
    ] = None,
    quality: Annotated[
        str | None, typer.Option(help="fast, balanced or best: one, three or eight fits, combined [default: fast].")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Fits to average, with different seeds [default: by quality].")
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option(help="Improve the fits by non-local Bayes where the noise allows it [default: by quality]."),
    ] = None,
    sigma: Annotated[
        str,
        typer.Option(
            metavar="LEVEL|auto",
            help="Noise level in 8-bit units (25 = 25/255); auto: estimated. A level that the picture contradicts is "
            "used, and told.",
        ),
    ] = "auto",
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="When to stop: reference, heldout, sure (fits twice), whiteness, es-wmv (needs 1100 steps and more), "
            "fixed; auto: what suits the noise [default: the recipe's].",
        ),
    ] = None,
    clean: Clean = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of every level [default: the recipe's].")] = None,
    tile: Annotated[
        str,
        typer.Option(
            metavar="SIZE|auto|off",
            help="Largest side (px) of overlapping tiles to fit in; auto: as a whole if it fits into the memory.",
        ),
    ] = "auto",
    report: Annotated[bool, typer.Option(help="Write report.html as well.")] = True,
) -> None:
    """Restore noisy images, each by fitting an untrained network to it.

    The picture goes to DIR under its own name, curves, spectra and a report to a folder beside it. Stopped with
    Ctrl-C, the same command goes on with the repetitions, and tiles, that are missing.

    Example: `nasdip restore photo.png -o restored --repeats 3`
    """
    from nasdip.commands.restore import restore_files

    restore_files(
        images, output, architecture=architecture, budget=budget, recipe=recipe, quality=quality, steps=steps,
        repeats=repeats, refine=refine, sigma=sigma, stop=stop, seed=seed, width=width, device=device,
        precision=precision, tile=tile, clean=clean, report=report,
    )  # fmt: skip


@app.command()
def search(
    image: Annotated[
        Path | None, typer.Argument(metavar="IMAGE", help="The noisy image; not needed to resume.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="RUN", help="The run's folder [default: runs/IMAGE].")
    ] = None,
    space: Annotated[
        str | None, typer.Option(metavar="FILE", help="Search space: JSON file or nas_dip, nas_dip_extended, tiny.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Most architectures to try [default: 24].")] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time of all, as 60s, 10m or 1.5h: fewer trials, and then a shorter last fit, keep it "
            "[default: 10m, and none with --trials, --final-steps or --repeats].",
        ),
    ] = None,
    clean: Clean = None,
    crop: Annotated[
        int | None, typer.Option(help="Side of the fitted centre crop, px; 0 = whole [default: 96].")
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels in a trial [default: 32].")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Most optimiser steps of a trial; its rule ends most [default: 600].")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of a trial; rewards are rounded by it [default: its share].")
    ] = None,
    parallel: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Trials at once; auto: as cores, GPUs and sizes suggest [default: auto]."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: 0]")] = None,
    searcher: Annotated[str | None, typer.Option(help="reinforce, evolution or random [default: reinforce].")] = None,
    reward: Annotated[
        str | None,
        typer.Option(help="clean, estimate, heldout or auto: PSNR against the clean image if given [default: auto]."),
    ] = None,
    early_stop: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="End poor trials early: size, halving, median or none [default: size]."),
    ] = None,
    final_steps: Annotated[
        int | None,
        typer.Option(
            min=0, help="Steps of the best one's fit to the whole image; 0 = none [default: as restore does, by size]."
        ),
    ] = None,
    final_width: Annotated[int | None, typer.Option(min=1, help="Channels in that fit [default: as restore].")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repetitions of that fit [default: 1].")] = None,
    target_ms: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            help="Milliseconds of a trial's step beyond which its reward shrinks [default: no limit].",
        ),
    ] = None,
    cost_weight: Annotated[
        float | None, typer.Option(help="dB that the reward loses for each doubling beyond --target-ms [default: 1].")
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate",
            metavar="NAME|FILE|TEXT",
            help="Architectures that are tried first; none: none [default: the zoo's default].",
        ),
    ] = None,
    warm_start: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Architectures that reinforce scores by their untrained output before the first trial "
            "[default: 400 for reinforce].",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    device: Device = "auto",
) -> None:
    """Search an architecture for an image, fit the best one to it, and report.

    Without --clean the reward is a PSNR estimated from pixels held out of the fit and, where the noise allows one, an
    estimate without a network. Killed at any moment, the run goes on with --resume, and loses at most the trials under
    way.

    Example: `nasdip search photo.png -o runs/photo --trials 60`
    """
    from nasdip.commands.search import search_file

    options = {
        "searcher": searcher, "trials": trials, "seed": seed, "reward": reward, "crop": crop, "width": width,
        "steps": steps, "threads": threads, "early_stop": early_stop, "final_steps": final_steps,
        "final_width": final_width, "repeats": repeats, "parallel": parallel, "target_ms": target_ms,
        "cost_weight": cost_weight, "candidates": candidates, "warm_start": warm_start, "budget": budget,
    }  # fmt: skip
    search_file(image, output, space=space, clean=clean, resume=resume, device=device, options=options)


@app.command()
def noise(
    image: Annotated[Path, typer.Argument(metavar="IMAGE")],
    sigma: Annotated[float | None, typer.Option(help="RMS of the added noise, in 8-bit units (25 = 25/255).")] = None,
    kind: Annotated[
        str, typer.Option(help="gaussian, poisson, speckle, salt-pepper or blur-salt-pepper.")
    ] = "gaussian",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="[default: *_noisy.*]")] = None,
    amount: Annotated[float | None, typer.Option(help="Fraction of black and white pixels [default: 2/35].")] = None,
    blur: Annotated[float, typer.Option(help="Standard deviation of the blur, px.")] = 1.0,
    seed: Seed = 0,
    clip: Annotated[bool, typer.Option(help="Clip to [0, 1]; integer files always are.")] = False,
) -> None:
    """Add noise to an image.

    Example: `nasdip noise clean.png --sigma 25 -o noisy.png`
    """
    from nasdip.commands.images import add_noise_to_file

    written = add_noise_to_file(image, output, kind=kind, sigma=sigma, amount=amount, blur=blur, seed=seed, clip=clip)
    print(written)


@app.command()
def spectrum(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    clean: Clean = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")] = Path("spectra"),
) -> None:
    """Draw Fourier spectra of images and, against a clean one, their band correspondence.

    Example: `nasdip spectrum noisy.png restored.png --clean clean.png -o spectra`
    """
    from nasdip.commands.images import write_spectra

    for path in write_spectra(images, clean, output):
        print(path)


@app.command()
def report(
    run: Run,
    random: Annotated[
        str | None, typer.Option(metavar="RUN", help="A search by the random searcher, to compare with.")
    ] = None,
) -> None:
    """Write RUN/report.html and its figures; during the run, after it, or after a crash.

    Example: `nasdip report runs/photo`
    """
    from nasdip.commands.runs import find_run
    from nasdip.report.report import write_report

    print(write_report(find_run(run), random_run=None if random is None else find_run(random)))


@app.command()
def status(run: Run) -> None:
    """Tell how far a run is, and what it found; from files alone, and nothing is written.

    Example: `nasdip status runs/photo`
    """
    from nasdip.commands.runs import locate_run
    from nasdip.commands.status import describe_run

    print(describe_run(locate_run(run)))


@zoo_app.command("list")
def zoo_list() -> None:
    """List the ready architectures.

    Example: `nasdip zoo list`
    """
    from nasdip.commands.zoo import LEGEND, list_lines

    print(*list_lines(), sep="\n")
    note(LEGEND)


@zoo_app.command("show")
def zoo_show(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Show an architecture and where it comes from.

    Example: `nasdip zoo show nas-dip-denoise`
    """
    from nasdip.commands.zoo import show_lines

    print(*show_lines(name), sep="\n")


@app.command()
def doctor(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="YAML of an NNI experiment, to check as well.")
    ] = None,
) -> None:
    """Check the installation and, where given, an experiment's configuration.

    Exit code 1 where something must be mended.

    Example: `nasdip doctor experiments/denoise_cpu.yml`
    """
    from nasdip.doctor import examine, examine_config

    findings = examine() + ([] if config is None else examine_config(config))
    for finding in findings:
        print(f"{'problem' if finding.problem else 'ok':9}{finding.name:14}{finding.found}")
        if finding.problem:
            print(f"{'':9}{'':14}-> {finding.problem}")
    if any(finding.problem for finding in findings):
        raise typer.Exit(1)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def nnictl(
    arguments: Annotated[list[str], typer.Argument(metavar="ARGS...", help="nnictl's own words and options.")],
    listen: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen there too, for workers on other machines.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Allow a machine to connect workers, beside those of the YAML."),
    ] = None,
) -> None:
    """Run NNI's nnictl, its manager guarded: on loopback, for its user alone, parameters bound to their trials.

    Options of nasdip stand before nnictl's words. nnictl's own help: `nasdip nnictl -- --help`, and
    `nasdip nnictl create --help` for one of its commands.

    Example: `nasdip nnictl create --config experiments/denoise_cpu.yml --port 8080`
    """
    try:
        from nasdip.commands.nnictl import run_nnictl
    except ImportError as error:
        raise NasdipError(f"this installation lacks its part for NNI ({error}): reinstall nasdip") from None

    run_nnictl(arguments, listen, allow or [])


@app.command()
def cite() -> None:
    """Print what to cite, as BibTeX.

    Example: `nasdip cite >> references.bib`
    """
    from nasdip.citation import CITATION

    print(CITATION, end="")


def main() -> None:
    """Run the command line: bad input ends with one line and exit code 2, a failing system with 1, Ctrl-C with 130."""
    prepare()
    try:
        code = app(standalone_mode=False)
        if code == _STOPPED:  # typer's word for Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except _UsageError as error:
        message = error.format_message()
        if message:  # without one, help was asked for by giving no arguments, and shown
            note(f"nasdip: error: {message.splitlines()[0]} (see nasdip --help)")
        sys.exit(2)
    except NasdipError as error:
        note(f"nasdip: error: {error}")
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        note("nasdip: stopped")
        sys.exit(_STOPPED)
    except OSError as error:
        advice = " (what was done is kept: free some space and run it again)" if error.errno == errno.ENOSPC else ""
        where = f": {error.filename}" if error.filename else ""
        note(f"nasdip: error: {error.strerror or error}{where}{advice}")
        sys.exit(1)

"""What a search's service gives reason to say, in status and report alike."""

from nasdip.report.numbers.service import Service
from nasdip.report.text.words import counted


def exposure(service: Service) -> str | None:
    """Return what is to be said of a portal that other machines reach, or reached; None where it is closed."""
    if not service.exposed and not service.exposed_before:
        return None
    places = ", ".join(service.exposed or service.exposed_before)
    if not service.alive or not service.exposed:
        return (
            f"While the search ran{'' if service.exposed else ' earlier'}, NNI's portal was open to the network at "
            f"{places}, without a password: whoever reached it could run programs as this user and change what "
            "is here."
        )
    again = "" if service.ended else f", then {service.resume}"
    return (
        f"NNI'S PORTAL IS OPEN TO THE NETWORK at {places}, without a password: whoever reaches it can run programs as "
        f"this user. Close it: nasdip nnictl stop {service.experiment}{again}"
    )


def lost_jobs(service: Service) -> str | None:
    """Return what is to be said of jobs that ended before they took an architecture; None where there are none."""
    if not service.lost:
        return None
    count = counted(len(service.lost), "job")
    last = "; the last" if len(service.lost) > 1 else ""
    return f"{count} of NNI's ended without having taken an architecture{last}: {service.lost[-1]}"


def jobs_in_words(service: Service) -> str | None:
    """Return the numbers of jobs in words; None where they are not known."""
    jobs = service.jobs
    if jobs is None:
        return None
    if service.alive:
        return f"{counted(jobs.ended, 'job')} ended, {jobs.running} running, {jobs.waiting} waiting"
    left = jobs.running + jobs.waiting
    return f"{counted(jobs.ended, 'job')} ended" + (f", {left} under way when it stopped" if left else "")

"""A profile is a RabbitMQ version on the wire: what it says it is, and the rules in which the versions differ.

The rules, since which version each holds and where that was read are in docs/profiles.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """series: (major, minor), for comparing: `profile.series >= (4, 1)`. version: what server-properties announce."""

    name: str
    series: tuple[int, int]
    version: str

    @property
    def frame_max_min_bytes(self) -> int:
        """The least frame_max a client may ask for; 8,192 since 4.1."""
        return 8_192 if self.series >= (4, 1) else 4_096

    @property
    def message_size_max_bytes(self) -> int:
        """The largest body a message may have; 16 MiB since 4.0."""
        return 16_777_216 if self.series >= (4, 0) else 134_217_728


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("3.13", (3, 13), "3.13.7"),
        Profile("4.2", (4, 2), "4.2.9"),
        Profile("4.3", (4, 3), "4.3.5"),
    )
}
DEFAULT_PROFILE = PROFILES["4.2"]

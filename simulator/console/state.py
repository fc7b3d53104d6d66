"""The parts of the simulator that the console shows and controls."""

from dataclasses import dataclass

from aiohttp import web

from simulator.addresses import Addresses
from simulator.credits import Credits
from simulator.event_log import EventLog
from simulator.rooms import Rooms
from simulator.sessions import Sessions
from simulator.settings import Settings
from simulator.switches import Switches
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Console:
    addresses: Addresses
    settings: Settings
    world: World
    sessions: Sessions
    rooms: Rooms
    credits: Credits
    switches: Switches
    log: EventLog


CONSOLE = web.AppKey("console", Console)

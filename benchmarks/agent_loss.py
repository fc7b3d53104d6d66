"""How long a CUSTOM conversation is without an agent after a kill in the middle of an answer.

The kill hits the agent's own process, or a worker with all its jobs; another worker stands by. Measured from the kill:
the time until the next agent says hello to the site, until it listens, and until the visitor hears its answer to a
question typed then. After every loss it checks the transcript, the model's history, the room and its dispatches.
"""

import argparse
import asyncio

from benchmarks.stage import load, summary
from rigs.agent.agent_loss import JOB, WORKER, Loss, lose_agent, loss_stage
from rigs.rooms.guest import HOSTED, OWN
from rigs.rooms.room_rig import EMBEDDED, REAL
from simulator.avatar.quiet import calm_native_libraries

calm_native_libraries()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", type=int, default=10, help="of each kind")
    parser.add_argument(
        "--server", choices=[EMBEDDED, REAL], default=EMBEDDED, help="the server of the rooms"
    )
    parser.add_argument("--victims", nargs="+", choices=[JOB, WORKER], default=[JOB, WORKER])
    parser.add_argument("--rooms", nargs="+", choices=[OWN, HOSTED], default=[OWN])
    options = parser.parse_args()
    async with loss_stage(options.server) as (stage, model):
        for answerer in options.rooms:
            for victim in options.victims:
                losses = [await lose_agent(stage, model, answerer, victim) for _ in range(options.losses)]
                report(f"{victim} killed, {answerer} on {options.server}", losses)


def report(title: str, losses: list[Loss]) -> None:
    print(f"{title}; {load()}", flush=True)
    print(summary("  to the new agent's hello", [loss.until_hello for loss in losses], "s"))
    print(summary("  until it listens", [loss.until_listening for loss in losses], "s"))
    print(summary("  to the next answer heard", [loss.until_answered for loss in losses], "s"))
    wrong = [each for loss in losses for each in loss.wrong]
    print(f"  {len(wrong)} errors {wrong or ''}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

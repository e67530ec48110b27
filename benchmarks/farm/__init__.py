"""A device cloud that does not exist: it speaks the protocol over real sockets, and its devices are simulated.

It is for measuring `bench` itself, never part of it, and whatever it answers says `simulated`. Each device takes one
job at a time, for a known time; latencies follow the worlds of `gate_worlds.py`; books tell what really happened.

    python benchmarks/serve_farm.py --devices 100 --run-s 20:60 --time-scale 0.1     # by hand, until its input ends

    from farm.process import Terms, running_farm                                     # from another benchmark
    with running_farm(Terms(devices=100, run_s=(20, 60))) as farm:
        farm.environment, farm.base_url                         # for `bench run`, with `cloud: <base_url>` in the plan
        farm.next_night()
        farm.books()

A model decides by its own metadata how slow it is (`models.py` makes some).
"""

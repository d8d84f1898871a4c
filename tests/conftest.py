"""What every test needs of the process that it runs in."""

import signal

from hypothesis import settings

# Started in the background, a shell's child ignores Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
settings.register_profile("linearcheck", deadline=None)
settings.load_profile("linearcheck")

import Broker
import CZeroingFree
import Glibc

bursar_zeroing_free_is_linked()
exit(await Daemon.run(Array(CommandLine.arguments.dropFirst())))

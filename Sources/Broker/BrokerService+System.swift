internal import Host
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import OAuth
internal import UnixSignals
internal import Vault

/// What a broker does that a service manager started.
extension BrokerService {
    /// Tries the passphrase that the service manager handed over, before anybody is served: who waits at the
    /// socket meanwhile need not see a locked vault.
    ///
    /// Whatever is wrong with it, the broker starts, locked, and says why.
    func unlockAtStart(_ desk: Desk) async {
        do {
            guard let passphrase = try StartingPassphrase.read() else {
                logger.notice("no passphrase was handed over: starting locked")
                return
            }
            for warning in try await desk.unlock(atStartWith: passphrase) {
                logger.warning("\(warning)")
            }
            logger.info("unlocked by the service's credential")
        } catch BrokerError.vault(.noVault(let path)) {
            logger.notice("there is no vault at \"\(escaped(path, limit: 4096))\" yet")
        } catch {
            let problem = Problem(any: error)
            logger.error("starting locked: \(problem.detail)")
            for hint in problem.hints { logger.error("hint: \(hint)") }
        }
    }

    /// Pays out tokens to units that systemd starts, where there is a socket for it.
    func listenForUnits(
        _ desk: Desk, _ group: MultiThreadedEventLoopGroup
    ) async throws -> Listener? {
        let preparation = CredentialConnection.prepare(desk, logger)
        if let socket = sockets?.credentials {
            return try await Listener.adopt(socket, group: group, preparation: preparation)
        }
        guard !configuration.isSystem, let path = configuration.credentialsSocketPath else {
            return nil
        }
        return try await Listener.bind(at: path, group: group, preparation: preparation)
    }

    /// Tells the service manager in time, over and over, that all is well: only while the event loop and the
    /// vault's actor answer.
    func calmWatchdog(_ group: MultiThreadedEventLoopGroup, _ keeper: VaultKeeper) async {
        guard let manager, let time = manager.watchdogTime else { return }
        while !Task.isCancelled {
            try? await group.next().submit {}.get()
            _ = await keeper.isLocked
            manager.notify(.watchdog)
            try? await ContinuousClock().sleep(for: time / 2)
        }
    }

    /// Reads what there is to read anew at each SIGHUP; tokens, keys and connections stay.
    func reload(_ desk: Desk, at signals: UnixSignalsSequence) async {
        for await _ in signals {
            manager?.notify(.reloading)
            await desk.reload()
            logger.info("reloaded")
            manager?.notify(.ready)
        }
    }
}

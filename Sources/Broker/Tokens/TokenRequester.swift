internal import NIOCore
package import OAuth
package import Sodium

/// Gets one token from an authorization server, and repeats what is worth repeating.
package struct TokenRequester: Sendable {
    /// How often a request is repeated after its first try.
    package static let repeats = 3
    // Together below 1.5 s, so that a closed port is told soon.
    private static let backoffs: [ClosedRange<Double>] = [0.05...0.15, 0.15...0.3, 0.3...0.6]
    private static let longestRetryAfter = Duration.seconds(3600)

    let endpoint: TokenEndpoint
    private let clock: BrokerClock

    package init(endpoint: TokenEndpoint, clock: BrokerClock) {
        self.endpoint = endpoint
        self.clock = clock
    }

    /// Asks until there is a token, an answer that no repeat would better, or no time left.
    ///
    /// - Parameters:
    ///   - request: what to ask for.
    ///   - credential: the client that asks.
    ///   - name: its name, for errors.
    ///   - deadline: when to give up.
    ///   - noteRepeat: called before each try but the first.
    ///   - noteTry: called after each try that was sent, with how it ended and how long it took.
    ///   - openSecret: opens the client secret, anew for each try, so that none waits in memory.
    /// - Returns: the token.
    /// - Throws: ``BrokerError`` of the last try.
    package func token(
        _ request: TokenRequest, for credential: Credential, named name: String,
        by deadline: ContinuousClock.Instant, noteRepeat: @Sendable () async -> Void,
        noteTry: @Sendable (Metrics.Outcome, Duration) -> Void = { _, _ in },
        openSecret: @Sendable () async throws(BrokerError) -> Secret
    ) async throws(BrokerError) -> Token {
        let place = endpoint.endpoint(of: credential, named: name)
        var tries = 0
        while true {
            let failure: BrokerError
            let retryAfter: Duration?
            let sentAt = clock.now()
            do {
                let answer = try await send(request, credential, name, deadline, openSecret)
                retryAfter = self.retryAfter(answer)
                do throws(OAuthError) {
                    let token = try token(answer, credential, sentAt: sentAt)
                    noteTry(.ok, clock.now() - sentAt)
                    return token
                } catch {
                    failure = .oauth(await withholding(error, credential, openSecret), place)
                }
            } catch {
                failure = error
                retryAfter = nil
            }
            if let outcome = Metrics.Outcome(failure) { noteTry(outcome, clock.now() - sentAt) }
            guard failure.isWorthRepeating else { throw failure }
            guard let wait = try wait(before: deadline, tries, retryAfter, place) else {
                throw failure
            }
            tries += 1
            guard (try? await clock.sleep(clock.now() + wait)) != nil else { throw .timedOut }
            await noteRepeat()
        }
    }

    // A server may repeat in its refusal what it was sent.
    private func withholding(
        _ error: OAuthError, _ credential: Credential,
        _ openSecret: @Sendable () async throws(BrokerError) -> Secret
    ) async -> OAuthError {
        do throws(BrokerError) {
            return error.withholding(try await openSecret(), clientID: credential.clientID)
        } catch {
            return .malformed(member: "error")
        }
    }

    private func send(
        _ request: TokenRequest, _ credential: Credential, _ name: String,
        _ deadline: ContinuousClock.Instant,
        _ openSecret: @Sendable () async throws(BrokerError) -> Secret
    ) async throws(BrokerError) -> EndpointAnswer {
        let secret = try await openSecret()
        let encoded: EncodedTokenRequest
        do throws(OAuthError) {
            encoded = try request.encoded(
                clientID: credential.clientID, clientSecret: secret, method: credential.method)
        } catch {
            throw .badCredential(error)
        }
        let left = max(deadline - clock.now(), .milliseconds(1))
        return try await endpoint.send(
            encoded, for: credential, named: name,
            by: .now() + .nanoseconds(Int64(min(left.seconds, 86400) * 1e9)))
    }

    private func token(
        _ answer: EndpointAnswer, _ credential: Credential, sentAt: ContinuousClock.Instant
    ) throws(OAuthError) -> Token {
        let response = try TokenResponse(
            status: answer.status, contentType: answer.contentType, location: answer.location,
            parsing: answer.body.span)
        return Token(
            accessToken: response.accessToken, tokenType: response.tokenType,
            scope: response.scope, requestedAt: sentAt,
            lifetime: response.expiresIn ?? credential.defaultExpiresIn.map { .seconds($0) })
    }

    /// How long to wait before the next try; nil if there is none.
    private func wait(
        before deadline: ContinuousClock.Instant, _ tries: Int, _ retryAfter: Duration?,
        _ endpoint: BrokerError.Endpoint
    ) throws(BrokerError) -> Duration? {
        let left = deadline - clock.now()
        if let retryAfter, retryAfter >= left || tries == Self.repeats {
            throw .tryLater(.serverAsked(endpoint), after: retryAfter)
        }
        guard tries < Self.repeats else { return nil }
        let backoff = Duration.seconds(Double.random(in: Self.backoffs[tries]))
        let wait = max(backoff, retryAfter ?? .zero)
        return wait < left ? wait : nil
    }

    /// `Retry-After` in seconds or as a date ([RFC 9110, section 10.2.3][s]), at most an hour.
    ///
    /// [s]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    private func retryAfter(_ answer: EndpointAnswer) -> Duration? {
        guard TokenResponse.isTemporary(status: answer.status),
            let text = answer.retryAfter
        else { return nil }
        if let seconds = Int64(text), seconds >= 0 {
            return .seconds(min(seconds, Self.longestRetryAfter.components.seconds))
        }
        guard let date = secondsSince1970(httpDate: text) else { return nil }
        let seconds = Double(date) - clock.wallSeconds()
        return min(max(.seconds(seconds), .zero), Self.longestRetryAfter)
    }
}

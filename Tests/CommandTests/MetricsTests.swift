import Foundation
import TestSupport
import Testing

/// `GET /metrics`, as a scraper reads it.
struct MetricsTests {
    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
        try installation.makeVault()
    }

    private func answer(_ path: String = "/metrics", _ method: String = "GET") throws -> String {
        try RawConnection(installation.socket).ask(
            "\(method) \(path) HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
    }

    private func metrics() throws -> PrometheusText {
        let answer = try answer()
        let parts = try #require(answer.firstRange(of: "\r\n\r\n"))
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(answer.contains("\r\nCache-Control: no-store\r\n"))
        return try PrometheusText(String(answer[parts.upperBound...]))
    }

    @Test func everyMetricIsThere() throws {
        let types = try metrics().types
        #expect(
            types == [
                "bursar_build_info": "gauge", "bursar_vault_unlocked": "gauge",
                "bursar_token_cache_hits_total": "counter",
                "bursar_token_endpoint_duration_seconds": "histogram",
                "bursar_authorization_denials_total": "counter",
                "bursar_audit_write_errors_total": "counter",
                "bursar_token_requests_total": "counter",
                "bursar_token_expiry_timestamp_seconds": "gauge",
                "bursar_secret_expiry_timestamp_seconds": "gauge",
            ])
    }

    @Test func tokensAreCounted() throws {
        try installation.add("x", endpoint, "lifetime-600/metrics-\(UUID())")
        let before = Date().timeIntervalSince1970
        for _ in 0..<3 { try installation.bursar("token", "get", "x") }
        try installation.bursar("token", "get", "x", "--fresh")
        let metrics = try metrics()
        #expect(
            metrics.value(
                "bursar_token_requests_total", ["credential": "x", "result": "ok"]) == 2)
        #expect(metrics.value("bursar_token_cache_hits_total") == 2)
        #expect(metrics.value("bursar_token_endpoint_duration_seconds_count") == 2)
        #expect(metrics.value("bursar_vault_unlocked") == 1)
        #expect(metrics.value("bursar_build_info", ["version": "0.1.0"]) == 1)
        let expiry = try #require(
            metrics.value("bursar_token_expiry_timestamp_seconds", ["credential": "x"]))
        #expect((before + 600...Date().timeIntervalSince1970 + 600).contains(expiry))
        #expect(metrics.all("uid", of: "bursar_token_requests_total").isEmpty)
    }

    /// Each by its own word, a server's invention by none of its own.
    @Test(arguments: [
        ("error-invalid_client", "invalid_client", 1), ("error-invalid_scope", "invalid_scope", 1),
        ("error-access_denied", "access_denied", 1), ("error-Fancy", "refused", 1),
        ("empty-403", "refused", 1), ("html", "bad_answer", 1), ("redirect-302", "bad_answer", 1),
        ("status-503", "try_later", 4), ("close", "unreachable", 4), ("hang", "timeout", 1),
    ])
    func everyResultHasItsWord(behaviour: String, result: String, count: Double) throws {
        try installation.add("x", endpoint, behaviour + "/metrics-\(UUID())")
        #expect(try installation.bursar("token", "get", "x", "--timeout", "3s").status != 0)
        let metrics = try metrics()
        #expect(metrics.all("result", of: "bursar_token_requests_total") == [result])
        #expect(
            metrics.value("bursar_token_requests_total", ["credential": "x", "result": result])
                == count)
        #expect(metrics.value("bursar_token_endpoint_duration_seconds_count") == count)
        #expect(metrics.value("bursar_token_expiry_timestamp_seconds", ["credential": "x"]) == nil)
    }

    @Test func anUntrustedServerHasItsWord() throws {
        let added = try installation.bursar(
            "vault", "add", "x", "--token-url", endpoint.url("ok"), "--client-id", "id",
            "--ca-file", endpoint.wrongCAFile, "--secret-stdin", input: "s3cret")
        try #require(added.status == 0)
        #expect(try installation.bursar("token", "get", "x").status == 69)
        #expect(
            try metrics().value(
                "bursar_token_requests_total", ["credential": "x", "result": "tls"]) == 1)
    }

    @Test(arguments: [
        ("2031-03-31", 1_932_681_600.0), ("2031-03-31T12:00:00Z", 1_932_724_800),
        ("2031-03-31T12:00:00+02:00", 1_932_717_600),
    ])
    func aSecretsEndIsTold(date: String, seconds: Double) throws {
        try installation.add("x", endpoint, "ok", "--expires", date)
        try installation.add("endless", endpoint, "ok")
        let name = "bursar_secret_expiry_timestamp_seconds"
        #expect(try metrics().value(name, ["credential": "x"]) == seconds)
        #expect(try metrics().all("credential", of: name) == ["x"])
        // What changes later is told, too, and what is removed is not told any more.
        try installation.add("later", endpoint, "ok", "--expires", "2030-01-01")
        #expect(try metrics().value(name, ["credential": "later"]) == 1_893_456_000)
        #expect(
            try installation.bursar("vault", "set", "x", "--expires", "2030-01-01").status == 0)
        #expect(try metrics().value(name, ["credential": "x"]) == 1_893_456_000)
        try installation.bursar("vault", "remove", "x", "--yes")
        #expect(try metrics().all("credential", of: name) == ["later"])
    }

    /// While locked, and after a removal, no name is told.
    @Test func onlyCredentialsThatExistAreNamed() throws {
        for name in ["x", "y"] {
            try installation.add(name, endpoint, "ok/names-\(UUID())", "--expires", "2031-03-31")
            try installation.bursar("token", "get", name)
        }
        let names = [
            "bursar_token_requests_total", "bursar_token_expiry_timestamp_seconds",
            "bursar_secret_expiry_timestamp_seconds",
        ]
        for name in names { #expect(try metrics().all("credential", of: name) == ["x", "y"]) }
        try installation.bursar("vault", "remove", "x", "--yes")
        for name in names { #expect(try metrics().all("credential", of: name) == ["y"]) }
        try installation.bursar("lock")
        let locked = try metrics()
        for name in names { #expect(locked.all("credential", of: name) == []) }
        #expect(locked.value("bursar_vault_unlocked") == 0)
        #expect(locked.value("bursar_token_endpoint_duration_seconds_count") == 2)
        try installation.bursar("unlock")
        #expect(try metrics().all("credential", of: names[2]) == ["y"])
    }

    /// A credential that is added anew under its old name begins at nothing.
    @Test func aNewCredentialOfAnOldNameStartsAnew() throws {
        try installation.add("x", endpoint, "ok/again-\(UUID())")
        for _ in 0..<3 { try installation.bursar("token", "get", "x", "--fresh") }
        try installation.bursar("vault", "remove", "x", "--yes")
        try installation.add("x", endpoint, "ok/again-\(UUID())")
        try installation.bursar("token", "get", "x")
        #expect(
            try metrics().value(
                "bursar_token_requests_total", ["credential": "x", "result": "ok"]) == 1)
    }

    @Test func refusalsAreCountedByReason() throws {
        func denials(_ reason: String) throws -> Double? {
            try metrics().value("bursar_authorization_denials_total", ["reason": reason])
        }
        for reason in [
            "not_allowed", "scope_beyond_rule", "foreign_door", "locked", "wrong_passphrase",
        ] {
            #expect(try denials(reason) == 0)
        }
        _ = try RawConnection(installation.socket).ask(
            "GET /v1/status HTTP/1.1\r\nHost: b\r\nOrigin: http://x\r\nConnection: close\r\n\r\n")
        #expect(try denials("foreign_door") == 1)
        installation.write("wrong", "wrong horse")
        try installation.bursar("unlock", "--passphrase-file", installation.path("wrong"))
        #expect(try denials("wrong_passphrase") == 1)
        try installation.bursar("lock")
        _ = try answer("/v1/credentials/x/token")
        #expect(try denials("locked") == 1)
        #expect(try denials("not_allowed") == 0)
    }

    @Test(arguments: [
        ("/metrics", "POST", "405"), ("/metrics", "HEAD", "405"), ("/metrics/", "GET", "404"),
        ("/metrics?x=1", "GET", "400"), ("/v1/metrics", "GET", "404"),
    ])
    func thereIsOneWayToAsk(path: String, method: String, status: String) throws {
        #expect(try answer(path, method).hasPrefix("HTTP/1.1 \(status) "))
    }
}

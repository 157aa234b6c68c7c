import Foundation
import TestSupport
import Testing

/// What `bursar completions` prints, in the shells that it is for.
struct CompletionTests {
    private let installation: Installation

    init() throws {
        installation = try Installation()
    }

    private func shell(_ script: String) throws -> Finished {
        try installation.shell(script, TranscriptTests.endpoint.get(), seconds: 30)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func theShellReadsIt(name: String) throws {
        let ended = try shell("bursar completions \(name) >$F/script && \(name) -n $F/script")
        #expect(ended.status == 0, "\(ended.error)")
        #expect(ended.error.isEmpty)
    }

    /// Completes as bash does after a Tab at the end of `words`.
    private func completed(_ words: String) throws -> [String] {
        let ended = try shell(
            """
            . <(bursar completions bash)
            COMP_LINE='\(words)'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=($COMP_LINE)
            [ "${COMP_LINE: -1}" = ' ' ] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
            _bursar bursar "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """)
        #expect(ended.error.isEmpty)
        return ended.output.split(separator: "\n").map(String.init)
    }

    @Test func bashCompletesWordsAndNames() throws {
        try installation.makeVault()
        let endpoint = try TranscriptTests.endpoint.get()
        for name in ["alpha", "alpine", "beta"] {
            try installation.add(name, endpoint, "ok/completion")
        }
        #expect(try completed("bursar doc") == ["doctor"])
        #expect(try completed("bursar token get al") == ["alpha", "alpine"])
        #expect(try completed("bursar vault show be") == ["beta"])
        #expect(try completed("bursar --socket /nowhere token get al").isEmpty)
        // A Tab never unlocks, though there is a passphrase file; and never starts a broker.
        #expect(try installation.bursar("lock").status == 0)
        #expect(try completed("bursar token get al").isEmpty)
        #expect(try installation.bursar("status").output.contains("locked"))
        #expect(try installation.bursar("broker", "stop").status == 0)
        #expect(try completed("bursar token get al").isEmpty)
        #expect(try installation.bursar("status").status == 69)
    }
}

internal import OAuth

/// One thing that the doctor has looked at, as a person gets it.
package struct Finding: Equatable, Sendable {
    /// What it asks of a person.
    package enum Level: String, Sendable {
        /// Nothing.
        case ok
        /// To know of it.
        case note
        /// To do something.
        case problem
    }

    package let level: Level
    /// What was looked at, in a word or two; a credential by its name.
    package let subject: String
    /// How it is.
    package let words: String
    /// What to do.
    package let cure: String?

    /// All is well.
    package static func ok(_ subject: String, _ words: String) -> Finding {
        Finding(level: .ok, subject: subject, words: words, cure: nil)
    }

    /// Something to know of, and what can be done about it.
    package static func note(_ subject: String, _ words: String, cure: String? = nil) -> Finding {
        Finding(level: .note, subject: subject, words: words, cure: cure)
    }

    /// Something that needs a person, and what to do.
    package static func problem(_ subject: String, _ words: String, cure: String?) -> Finding {
        Finding(level: .problem, subject: subject, words: words, cure: cure)
    }

    /// An error that was met on the way.
    static func problem(_ subject: String, _ problem: Problem) -> Finding {
        .problem(subject, problem.detail, cure: problem.hints.first)
    }

    /// The same for a machine's broker, which has to be named in commands.
    var forMachine: Finding {
        Finding(
            level: level, subject: subject, words: words,
            cure: cure?.replacing("bursar vault ", with: "bursar --system vault "))
    }

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("level", .string(level.rawValue)), ("subject", .string(subject)),
            ("words", .string(words)),
        ]
        if let cure { members.append(("cure", .string(cure))) }
        return .members(members)
    }
}

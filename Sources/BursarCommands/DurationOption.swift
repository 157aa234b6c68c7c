internal import ArgumentParser

/// A duration as it is typed: an integer and one of `s`, `m`, `h`, `d`.
struct DurationOption: ExpressibleByArgument, Equatable {
    let text: String
    let seconds: Int64

    init?(argument: String) {
        let scale: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let digits = argument.dropLast()
        guard let unit = argument.last, let factor = scale[unit], !digits.isEmpty,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int64(digits),
            count <= 3660
                * 86400 / factor
        else { return nil }
        text = argument
        seconds = count * factor
    }
}

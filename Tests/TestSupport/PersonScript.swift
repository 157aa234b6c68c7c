public import Foundation

/// The script that plays a person at a terminal: see `Resources/terminal.py`.
public enum PersonScript: Sendable {
    /// Where it is.
    public static var url: URL? { Bundle.module.url(forResource: "terminal", withExtension: "py") }
}

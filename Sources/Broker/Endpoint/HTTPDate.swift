/// Reads the date format that HTTP senders use ([RFC 9110, section 5.6.7][s]):
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// [s]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
package func secondsSince1970(httpDate text: String) -> Int64? {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 6, words[0].utf8.count == 4, words[5] == "GMT",
        let day = Int64(words[1]), (1...31).contains(day),
        let month = months.firstIndex(of: String(words[2])),
        let year = Int64(words[3]), (1970...9999).contains(year)
    else { return nil }
    let time = words[4].split(separator: ":").compactMap { Int64($0) }
    guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]),
        (0...60).contains(time[2])
    else { return nil }
    // Days of the proleptic Gregorian calendar, its year begun in March.
    let shifted = month < 2 ? year - 1 : year
    let monthFromMarch = Int64((month + 10) % 12)
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    return days * 86400 + time[0] * 3600 + time[1] * 60 + time[2]
}

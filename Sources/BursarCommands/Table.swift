internal import Host

/// Rows under titles, for people.
struct Table {
    let titles: [String]
    var rows: [[String]] = []

    init(titles: [String]) {
        self.titles = titles
    }

    /// The columns to fill: the terminal's, or no limit where the output is no terminal.
    static var columns: Int { Terminal.isStandardOutput ? Terminal.columns : 10_000 }

    /// The table as lines, columns two spaces apart; the widest cells are cut where it would not fit.
    func text(columns limit: Int) -> String {
        let cells = ([titles] + rows).map { $0.map(printable) }
        var widths = titles.indices.map { column in
            cells.map { $0[column].count }.max() ?? 0
        }
        let gaps = 2 * (titles.count - 1)
        while widths.reduce(gaps, +) > limit, let widest = widths.max(), widest > 8,
            let column = widths.firstIndex(of: widest)
        {
            widths[column] -= 1
        }
        return cells.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let text =
                    cell.count > widths[column]
                    ? String(cell.prefix(widths[column] - 1)) + "…" : cell
                line += text
                let isLast = column == row.count - 1
                if !isLast {
                    line += String(repeating: " ", count: widths[column] - text.count + 2)
                }
            }
            return line
        }.joined(separator: "\n")
    }
}

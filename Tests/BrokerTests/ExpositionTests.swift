import Testing

@testable import Broker

struct ExpositionTests {
    @Test(arguments: [
        ("plain", "plain"), (#"a"b"#, #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#),
        ("a\r\nb", "a\r" + #"\nb"#), ("ü", "ü"),
    ])
    func labelValuesAreEscaped(value: String, escaped: String) {
        var text = Exposition()
        text.add("m", 1 as UInt64, ["l": value])
        #expect(text.text == "m{l=\"\(escaped)\"} 1\n")
    }

    @Test func aHistogramCountsWhatLiesBelow() {
        var histogram = Histogram()
        for seconds in [0.01, 0.02, 0.3, 31] { histogram.add(seconds) }
        var text = Exposition()
        text.begin("d", .histogram, "Help.")
        text.add("d", histogram)
        #expect(
            text.text == """
                # HELP d Help.
                # TYPE d histogram
                d_bucket{le="0.01"} 1
                d_bucket{le="0.025"} 2
                d_bucket{le="0.05"} 2
                d_bucket{le="0.1"} 2
                d_bucket{le="0.25"} 2
                d_bucket{le="0.5"} 3
                d_bucket{le="1"} 3
                d_bucket{le="2.5"} 3
                d_bucket{le="5"} 3
                d_bucket{le="10"} 3
                d_bucket{le="30"} 3
                d_bucket{le="+Inf"} 4
                d_sum 31.33
                d_count 4

                """)
    }
}

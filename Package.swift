// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    .treatWarning("ExplicitSendable", as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Tests call C as they are; what they guard is compiled with all of the above.
let testSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]

let package = Package(
    name: "bursar",
    products: [
        .executable(name: "bursar", targets: ["bursar"]),
        .executable(name: "bursard", targets: ["bursard"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
        .target(name: "CHost"),
        .target(name: "CZeroingFree"),
        .target(name: "CSQLiteConfig", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "Host", dependencies: ["CHost"], swiftSettings: settings),
        .target(
            name: "Sodium", dependencies: ["CSodium"], swiftSettings: settings,
            linkerSettings: [.linkedLibrary(":libsodium.a")]),
        .target(
            name: "Vault",
            dependencies: [
                "Sodium", "Host", "CSQLiteConfig", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .target(name: "OAuth", dependencies: ["Sodium"], swiftSettings: settings),
        .target(
            name: "Broker",
            dependencies: [
                "Vault", "OAuth", "Sodium", "Host",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ] + nio,
            swiftSettings: settings),
        .target(name: "BrokerClient", dependencies: ["Sodium", "Host"], swiftSettings: settings),
        .target(
            name: "BursarCommands",
            dependencies: [
                "BrokerClient", "Sodium", "Host",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "bursar", dependencies: ["BursarCommands", "BrokerClient", "Host"],
            swiftSettings: settings),
        .executableTarget(
            name: "bursard", dependencies: ["Broker", "CZeroingFree"], swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: ["Sodium", "Host"] + nio,
            path: "Tests/TestSupport",
            resources: [
                .copy("Resources/token_endpoint.py"), .copy("Resources/terminal.py"),
                .copy("Resources/system_broker.py"), .copy("Resources/unit_credential.py"),
                .copy("Resources/crowd.py"), .copy("Resources/flood.py"),
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "SodiumTests", dependencies: ["Sodium", "TestSupport"],
            swiftSettings: testSettings),
        .testTarget(
            name: "HostTests", dependencies: ["Host", "TestSupport"], swiftSettings: testSettings),
        .testTarget(
            name: "OAuthTests", dependencies: ["OAuth", "Sodium", "TestSupport"],
            resources: [.copy("Vectors"), .copy("record_requests.py")], swiftSettings: testSettings),
        .testTarget(
            name: "VaultTests", dependencies: ["Vault", "Sodium", "Host", "TestSupport"],
            resources: [.copy("Vectors"), .copy("read_vault.py")], swiftSettings: testSettings),
        .testTarget(
            name: "BrokerTests",
            dependencies: ["Broker", "OAuth", "Vault", "Sodium", "Host", "TestSupport"] + nio,
            swiftSettings: testSettings),
        .testTarget(
            name: "BrokerClientTests", dependencies: ["BrokerClient", "Sodium"],
            swiftSettings: testSettings),
        .testTarget(
            name: "CommandTests",
            dependencies: ["BursarCommands", "TestSupport", "Host", "bursar", "bursard"],
            resources: [.copy("Transcripts")], swiftSettings: testSettings),
    ]
)

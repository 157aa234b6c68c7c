internal import Host

extension Problem {
    /// The problem of whatever keeps a broker from starting.
    init(any error: any Error) {
        switch error {
        case let error as BrokerError: self.init(error)
        case let error as HostError: self.init(error)
        default: self.init(BrokerError.internalFault("\(Swift.type(of: error))"))
        }
    }

    /// The problem of a system broker that does not start.
    init(_ fault: StartFault) {
        let hint =
            switch fault {
            case .noSocket: "systemctl start bursard.socket"
            case .wrongSocket: "make them the same: systemctl edit bursard.socket"
            case .twoSockets:
                "name them in their units: FileDescriptorName=broker, FileDescriptorName=credentials"
            case .mappedUsers:
                "leave PrivateUsers= out of the unit, and start it in no container"
            }
        self.init("configuration", 500, 78, fault.description, [hint])
    }
}

internal import OAuth

/// What a caller asks a credential for, and by what of it the caller named itself.
package struct TokenAsk: Sendable {
    package var use = AllowedCaller.Use.token
    /// Scopes that the caller named; empty if it named none.
    package var scopes: [String] = []
    package var audience: String?
    package var resources: [String] = []

    /// A caller who names nothing asks for what the credential has itself.
    package init() {}
}

/// Which rule of a credential decides, if one does: the permission of a system broker's caller.
package enum Permission: Sendable, Equatable {
    case allowed(AllowedCaller)
    case refused([NearMiss])

    /// A rule for this caller that does not allow what it asks for, and why.
    package struct NearMiss: Sendable, Equatable {
        package let rule: AllowedCaller
        package let reason: Reason
    }

    /// Why a rule for this caller does not decide.
    package enum Reason: Sendable, Equatable {
        /// The rule's user or group has another name today, or none.
        case renamed(today: String?)
        case container
        case use(AllowedCaller.Use)
        case scopes([String])
        case audience(String)
        case resources([String])
        /// The caller named nothing, and the credential has nothing of its own, though the rule bounds it.
        case nothingStored(String)
    }

    /// Decides: one rule must allow the whole request, rules do not add up.
    ///
    /// - Parameters:
    ///   - ask: what is asked for.
    ///   - caller: who asks.
    ///   - allowance: what it is asked of.
    ///   - rules: those of its rules that count.
    ///   - accounts: today's names.
    /// - Returns: the rule that allows it, or those that nearly do.
    package static func decide(
        _ ask: TokenAsk, by caller: Caller, of allowance: Allowance, _ rules: [AllowedCaller],
        _ accounts: Accounts
    ) async -> Permission {
        var nearMisses: [NearMiss] = []
        for rule in rules where rule.subject.means(caller) {
            var reason = await rule.renaming(accounts)
            reason = reason ?? rule.objection(to: ask, by: caller, of: allowance)
            guard let reason else { return .allowed(rule) }
            nearMisses.append(NearMiss(rule: rule, reason: reason))
        }
        return .refused(nearMisses)
    }
}

extension AllowedCaller.Subject {
    /// Whether it is this caller, by number or by unit.
    fileprivate func means(_ caller: Caller) -> Bool {
        switch self {
        case .user(let id, _): caller.uid == id
        case .group(let id, _): caller.gid == id || caller.groups.contains(id)
        case .unit(let name): caller.unit == name
        }
    }
}

extension AllowedCaller {
    // An id that was given to somebody else is somebody else.
    func renaming(_ accounts: Accounts) async -> Permission.Reason? {
        switch subject {
        case .user(let id, let name):
            let today = await accounts.userName(id)
            return today == name ? nil : .renamed(today: today)
        case .group(let id, let name):
            let today = await accounts.groupName(id)
            return today == name ? nil : .renamed(today: today)
        case .unit: return nil
        }
    }

    fileprivate func objection(
        to ask: TokenAsk, by caller: Caller, of allowance: Allowance
    ) -> Permission.Reason? {
        if caller.isContained && !includesContainers { return .container }
        if !uses.contains(ask.use) { return .use(ask.use) }
        let named = ask.audience.map { [$0] } ?? []
        let stored = allowance.audience.map { [$0] } ?? []
        if scopes != nil && ask.scopes.isEmpty && allowance.scopes.isEmpty {
            return .nothingStored("scope")
        }
        if audiences != nil && named.isEmpty && stored.isEmpty { return .nothingStored("audience") }
        if resources != nil && ask.resources.isEmpty && allowance.resources.isEmpty {
            return .nothingStored("resource")
        }
        let wide = Self.beyond(scopes, asked: ask.scopes, stored: allowance.scopes)
        if !wide.isEmpty { return .scopes(wide) }
        if let other = Self.beyond(audiences, asked: named, stored: stored).first {
            return .audience(other)
        }
        let foreign = Self.beyond(resources, asked: ask.resources, stored: allowance.resources)
        return foreign.isEmpty ? nil : .resources(foreign)
    }

    /// What of a request goes beyond what a rule, or else the credential itself, has.
    private static func beyond(_ rule: [String]?, asked: [String], stored: [String]) -> [String] {
        let effective = asked.isEmpty ? stored : asked
        let allowed = Set(rule ?? stored)
        return effective.filter { !allowed.contains($0) }
    }

    /// What of a token's answered scope goes beyond the rule; nothing where neither the caller nor the
    /// credential names a scope: then the server's own choice is what was asked for.
    package func excess(ofAnswered scope: String?, asked: [String], stored: [String]) -> [String] {
        guard let scope, !asked.isEmpty else { return [] }
        let allowed = Set(scopes ?? stored)
        return scope.split(separator: " ").map(String.init).filter { !allowed.contains($0) }
    }
}

extension Permission.Reason: CustomStringConvertible {
    /// Why, in words.
    package var description: String {
        switch self {
        case .renamed(let today?): "its id belongs to \"\(escaped(today))\" today"
        case .renamed(nil): "its id belongs to nobody today"
        case .container: "the caller is in a container, and the rule does not say so"
        case .use(let use): "it is not for the use \(use.rawValue)"
        case .scopes(let scopes): "it does not have the scope \(Self.list(scopes))"
        case .audience(let audience): "it does not have the audience \(Self.list([audience]))"
        case .resources(let resources): "it does not have the resource \(Self.list(resources))"
        case .nothingStored(let kind):
            "it bounds the \(kind), and neither the caller nor the credential names one"
        }
    }

    private static func list(_ texts: [String]) -> String {
        texts.prefix(8).map { "\"\(escaped($0))\"" }.joined(separator: " ")
    }
}

// PLAIN: RFC 4616. The password itself crosses the wire, so it is offered under TLS only, unless the operator says
// otherwise.
#include "imap/auth/mechanism.h"

#include <algorithm>

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kMostOctets = 4096;  // of a whole message; the RFC allows 255 characters a part

class Plain final : public Mechanism {
 public:
  Step step(std::string_view message) override {
    // message = [authzid] NUL authcid NUL passwd
    if (message.size() > kMostOctets) return malformed_step("PLAIN message too long");
    if (std::count(message.begin(), message.end(), '\0') != 2)
      return malformed_step("PLAIN message must have three parts");
    const std::size_t first = message.find('\0');
    const std::size_t second = message.find('\0', first + 1);
    Step step;
    step.kind = Step::Kind::password;
    step.identity.authzid = message.substr(0, first);
    step.identity.name = message.substr(first + 1, second - first - 1);
    step.data = message.substr(second + 1);
    if (step.identity.name.empty()) return malformed_step("PLAIN message without a user name");
    if (step.data.empty()) return malformed_step("PLAIN message without a password");
    return step;
  }
};

}  // namespace

MechanismSpec plain_mechanism() {
  return {"PLAIN",
          {"RFC 4616"},
          true,
          [](const MechanismContext& context) { return context.tls != nullptr || context.allow_plaintext; },
          [](const MechanismContext&) -> std::unique_ptr<Mechanism> { return std::make_unique<Plain>(); }};
}

}  // namespace cpm::imap::auth

// EXTERNAL: RFC 4422 appendix A. The client is who its verified TLS certificate says; the message is the authzid, often
// empty.
#include "imap/auth/mechanism.h"

#include "imap/wire/lexer.h"

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kMostOctets = 1024;

class External final : public Mechanism {
 public:
  explicit External(std::string name) : name_(std::move(name)) {}

  Step step(std::string_view message) override {
    if (message.size() > kMostOctets) return malformed_step("EXTERNAL message too long");
    if (message.find('\0') != std::string_view::npos || !wire::is_utf8(message)) {
      return malformed_step("EXTERNAL message is not an identity");
    }
    Step step;
    step.kind = Step::Kind::identity;
    step.identity.name = name_;
    step.identity.authzid = message;
    return step;
  }

 private:
  const std::string name_;
};

bool has_certificate(const MechanismContext& context) {
  return context.tls != nullptr && context.tls->client_certificate && !context.tls->client_certificate->empty();
}

}  // namespace

MechanismSpec external_mechanism() {
  return {
      "EXTERNAL",
      {"RFC 4422"},
      false,
      &has_certificate,
      [](const MechanismContext& context) -> std::unique_ptr<Mechanism> {
        return std::make_unique<External>(has_certificate(context) ? *context.tls->client_certificate : std::string());
      }};
}

}  // namespace cpm::imap::auth

// OAUTHBEARER: RFC 7628. A refusal is told as JSON in a challenge, which the client answers with a single %x01. Only
// under TLS.
#include "imap/auth/mechanism.h"

#include "imap/auth/token_verifier.h"
#include "imap/wire/lexer.h"

#include <algorithm>
#include <chrono>

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kMostOctets = 32 * 1024;
constexpr char kSeparator = '\x01';
constexpr std::string_view kInvalidToken = R"({"status":"invalid_token"})";
constexpr std::string_view kInvalidRequest = R"({"status":"invalid_request"})";

// The value of "auth" among the pairs; nothing when the pairs are malformed or have none.
std::optional<std::string_view> find_auth(std::string_view pairs) {
  std::optional<std::string_view> found;
  while (!pairs.empty() && pairs[0] != kSeparator) {
    const std::size_t end = pairs.find(kSeparator);
    const std::size_t equals = pairs.find('=');
    if (end == std::string_view::npos || equals == std::string_view::npos || equals == 0 || equals > end)
      return std::nullopt;
    if (pairs.substr(0, equals) == "auth") {
      if (found) return std::nullopt;
      found = pairs.substr(equals + 1, end - equals - 1);
    }
    pairs.remove_prefix(end + 1);
  }
  // The list ends with one separator more, and nothing follows it.
  return pairs.size() == 1 ? found : std::nullopt;
}

// "Bearer" SP token; the scheme's case does not matter (RFC 6750 2.1, RFC 9110 11.1).
std::optional<std::string_view> bearer_token(std::string_view auth) {
  const std::size_t blank = auth.find(' ');
  if (blank == std::string_view::npos || !wire::iequals(auth.substr(0, blank), "Bearer")) return std::nullopt;
  auth.remove_prefix(std::min(auth.find_first_not_of(' ', blank), auth.size()));
  const bool token =
      !auth.empty() && std::all_of(auth.begin(), auth.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return token ? std::optional(auth) : std::nullopt;
}

class OAuthBearer final : public Mechanism {
 public:
  explicit OAuthBearer(std::shared_ptr<const TokenVerifier> tokens) : tokens_(std::move(tokens)) {}

  Step step(std::string_view message) override {
    if (message.size() > kMostOctets) return malformed_step("OAUTHBEARER message too long");
    const auto header = parse_gs2_header(message);
    // Channel binding is not defined for this mechanism (RFC 7628 3.1, 5).
    if (!header || header->flag == 'p') return failed_step("oauthbearer: bad header", std::string(kInvalidRequest));
    std::string_view rest = message.substr(header->length);
    if (rest.empty() || rest[0] != kSeparator)
      return failed_step("oauthbearer: bad header", std::string(kInvalidRequest));
    const auto auth = find_auth(rest.substr(1));
    if (!auth) return failed_step("oauthbearer: bad pairs", std::string(kInvalidRequest));
    const auto token = bearer_token(*auth);
    if (!token || !tokens_) return failed_step("oauthbearer: no bearer token", std::string(kInvalidToken));
    const auto address = tokens_->verify(*token, std::chrono::system_clock::now());
    if (!address) return failed_step(address.error().detail, std::string(kInvalidToken));
    Step step;
    step.kind = Step::Kind::identity;
    step.identity.name = *address;
    step.identity.authzid = header->authzid;
    return step;
  }

 private:
  const std::shared_ptr<const TokenVerifier> tokens_;
};

}  // namespace

MechanismSpec oauthbearer_mechanism() {
  return {"OAUTHBEARER",
          {"RFC 7628"},
          true,
          [](const MechanismContext& context) { return context.tls != nullptr && context.tokens != nullptr; },
          [](const MechanismContext& context) -> std::unique_ptr<Mechanism> {
            return std::make_unique<OAuthBearer>(context.tokens);
          }};
}

}  // namespace cpm::imap::auth

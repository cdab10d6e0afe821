#include "imap/auth/scram_sha_256.h"

#include "imap/auth/base64.h"
#include "schema/credentials.h"

#include <algorithm>

namespace cpm::imap::auth {

namespace {

constexpr std::size_t kMostOctets = 8192;  // of one client message
constexpr std::size_t kNonceOctets = 18;   // of our half, before base64

// Takes "x=value" up to the next comma off the front of `rest`; nothing when the attribute is another one.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const std::size_t end = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(2, end - 2);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return value;
}

bool is_nonce(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

// *("," attr-val) of optional extensions, which are ignored.
bool are_extensions(std::string_view rest) {
  while (!rest.empty()) {
    const bool letter = (rest[0] >= 'a' && rest[0] <= 'z') || (rest[0] >= 'A' && rest[0] <= 'Z');
    if (!letter || rest[0] == 'm' || !take_attribute(rest, rest[0])) return false;
  }
  return true;
}

std::string xored(std::string a, std::string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

bool can_bind(const MechanismContext& context) {
  return context.tls != nullptr && !(context.tls->tls_exporter.empty() && context.tls->tls_unique.empty() &&
                                     context.tls->tls_server_end_point.empty());
}

std::unique_ptr<Mechanism> make(const MechanismContext& context, bool plus) {
  ScramSha256::Options options;
  options.plus = plus;
  options.plus_offered = context.settings.offers("SCRAM-SHA-256-PLUS") && can_bind(context);
  if (context.tls != nullptr) options.tls = *context.tls;
  options.nonce = base64_encode(schema::random_octets(kNonceOctets));
  return std::make_unique<ScramSha256>(std::move(options));
}

}  // namespace

Step ScramSha256::step(std::string_view message) {
  if (message.size() > kMostOctets) return malformed_step("SCRAM message too long");
  switch (expect_) {
    case Expect::first: return first(message);
    case Expect::final: return final(message);
    case Expect::acknowledgement: {
      // The client says with an empty answer that it believes our signature.
      expect_ = Expect::nothing;
      if (!message.empty()) return malformed_step("SCRAM exchange has no further message");
      Step step;
      step.kind = Step::Kind::identity;
      step.identity = identity_;
      return step;
    }
    case Expect::keys:
    case Expect::nothing: break;
  }
  return malformed_step("SCRAM message out of order");
}

Step ScramSha256::refuse(std::string_view error) {
  expect_ = Expect::nothing;
  Step step = failed_step("scram " + std::string(error), "e=" + std::string(error));
  step.identity = identity_;
  return step;
}

const std::string* ScramSha256::binding_data(std::string_view type) const {
  const std::string* data = type == "tls-exporter"           ? &options_.tls.tls_exporter
                            : type == "tls-unique"           ? &options_.tls.tls_unique
                            : type == "tls-server-end-point" ? &options_.tls.tls_server_end_point
                                                             : nullptr;
  return data != nullptr && !data->empty() ? data : nullptr;
}

// client-first-message = gs2-header [reserved-mext ","] username "," nonce ["," extensions]
Step ScramSha256::first(std::string_view message) {
  const auto header = parse_gs2_header(message);
  if (!header) return refuse("invalid-encoding");
  if (header->flag == 'p') {
    if (!options_.plus) return refuse("channel-binding-not-supported");
    if (binding_data(header->binding) == nullptr) return refuse("unsupported-channel-binding-type");
  } else if (options_.plus) {
    return refuse("channel-bindings-dont-match");
  } else if (header->flag == 'y' && options_.plus_offered) {
    return refuse("server-does-support-channel-binding");
  }
  binding_type_ = header->binding;
  identity_.authzid = header->authzid;
  gs2_header_ = message.substr(0, header->length);
  client_first_bare_ = message.substr(header->length);

  std::string_view rest = client_first_bare_;
  if (rest.starts_with("m=")) return refuse("extensions-not-supported");
  const auto name = take_attribute(rest, 'n');
  if (!name) return refuse("invalid-encoding");
  const auto decoded = decode_saslname(*name);
  if (!decoded) return refuse("invalid-username-encoding");
  const auto nonce = take_attribute(rest, 'r');
  if (!nonce || !is_nonce(*nonce) || !are_extensions(rest)) return refuse("invalid-encoding");
  identity_.name = *decoded;
  nonce_ = std::string(*nonce) + options_.nonce;
  expect_ = Expect::keys;
  Step step;
  step.kind = Step::Kind::keys;
  step.identity = identity_;
  return step;
}

Step ScramSha256::supply(const schema::ScramKeys& keys, bool usable) {
  if (expect_ != Expect::keys) return failed_step("keys out of order");
  keys_ = keys;
  usable_ = usable;
  server_first_ = "r=" + nonce_ + ",s=" + base64_encode(keys.salt) + ",i=" + std::to_string(keys.iterations);
  expect_ = Expect::final;
  return challenge_step(server_first_);
}

// client-final-message = channel-binding "," nonce ["," extensions] "," proof
Step ScramSha256::final(std::string_view message) {
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return refuse("invalid-encoding");
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof = base64_decode(message.substr(proof_at + 3));
  std::string_view rest = without_proof;
  const auto binding = take_attribute(rest, 'c');
  const auto nonce = take_attribute(rest, 'r');
  if (!proof || !binding || !nonce) return refuse("invalid-encoding");
  if (rest.starts_with("m=")) return refuse("extensions-not-supported");
  if (!are_extensions(rest)) return refuse("invalid-encoding");
  const auto bound = base64_decode(*binding);
  if (!bound) return refuse("invalid-encoding");
  std::string expected = gs2_header_;
  if (const std::string* data = binding_data(binding_type_)) expected += *data;
  if (!schema::equal_secrets(*bound, expected)) return refuse("channel-bindings-dont-match");
  if (!schema::equal_secrets(*nonce, nonce_)) return refuse("other-error");

  const std::string auth_message = client_first_bare_ + ',' + server_first_ + ',' + std::string(without_proof);
  const std::string client_key = xored(schema::hmac_sha256(keys_.stored_key, auth_message), *proof);
  const bool proved =
      proof->size() == client_key.size() && schema::equal_secrets(schema::scram_hash(client_key), keys_.stored_key);
  if (!proved || !usable_) return refuse("invalid-proof");
  identity_.stored_key = keys_.stored_key;
  expect_ = Expect::acknowledgement;
  return challenge_step("v=" + base64_encode(schema::hmac_sha256(keys_.server_key, auth_message)));
}

MechanismSpec scram_sha_256_mechanism() {
  return {"SCRAM-SHA-256",
          {"RFC 5802", "RFC 7677"},
          false,
          [](const MechanismContext&) { return true; },
          [](const MechanismContext& context) { return make(context, false); }};
}

MechanismSpec scram_sha_256_plus_mechanism() {
  return {"SCRAM-SHA-256-PLUS",
          {"RFC 5802", "RFC 7677", "RFC 9266"},
          false,
          &can_bind,
          [](const MechanismContext& context) { return make(context, true); }};
}

}  // namespace cpm::imap::auth

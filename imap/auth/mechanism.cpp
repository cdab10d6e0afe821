#include "imap/auth/mechanism.h"

#include "imap/wire/lexer.h"

#include <algorithm>

namespace cpm::imap::auth {

Step Mechanism::supply(const schema::ScramKeys&, bool) { return failed_step("keys were not asked for"); }

const std::vector<MechanismSpec>& mechanisms() {
  static const std::vector<MechanismSpec> table = {plain_mechanism(), scram_sha_256_mechanism(),
                                                   scram_sha_256_plus_mechanism(), oauthbearer_mechanism(),
                                                   external_mechanism()};
  return table;
}

const MechanismSpec* find_mechanism(std::string_view name) {
  const auto& table = mechanisms();
  const auto at =
      std::find_if(table.begin(), table.end(), [name](const MechanismSpec& one) { return one.name == name; });
  return at == table.end() ? nullptr : &*at;
}

bool offered(const MechanismSpec& spec, const MechanismContext& context) {
  return context.settings.offers(spec.name) && spec.available(context);
}

Step challenge_step(std::string data) {
  Step step;
  step.kind = Step::Kind::challenge;
  step.data = std::move(data);
  return step;
}

Step failed_step(std::string detail, std::string data) {
  Step step;
  step.kind = Step::Kind::failed;
  step.data = std::move(data);
  step.error = fail(Failure::auth_failed, "Authentication failed", std::move(detail));
  return step;
}

Step malformed_step(std::string text) {
  Step step;
  step.kind = Step::Kind::ended;
  step.error = fail(Failure::bad_syntax, text, text);
  return step;
}

std::optional<std::string> decode_saslname(std::string_view text) {
  if (text.empty() || !wire::is_utf8(text)) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == '\0') return std::nullopt;
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view code = text.substr(i + 1, 2);
    if (code == "2C") {
      out += ',';
    } else if (code == "3D") {
      out += '=';
    } else {
      return std::nullopt;
    }
    i += 2;
  }
  return out;
}

std::optional<Gs2Header> parse_gs2_header(std::string_view message) {
  Gs2Header header;
  const std::size_t first = message.find(',');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = message.find(',', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view flag = message.substr(0, first);
  if (flag == "n" || flag == "y") {
    header.flag = flag[0];
  } else if (flag.starts_with("p=") && flag.size() > 2) {
    header.flag = 'p';
    header.binding = flag.substr(2);
    const bool name = std::all_of(header.binding.begin(), header.binding.end(), [](unsigned char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
    });
    if (!name) return std::nullopt;
  } else {
    return std::nullopt;
  }
  const std::string_view authzid = message.substr(first + 1, second - first - 1);
  if (!authzid.empty()) {
    if (!authzid.starts_with("a=")) return std::nullopt;
    auto decoded = decode_saslname(authzid.substr(2));
    if (!decoded) return std::nullopt;
    header.authzid = std::move(*decoded);
  }
  header.length = second + 1;
  return header;
}

}  // namespace cpm::imap::auth

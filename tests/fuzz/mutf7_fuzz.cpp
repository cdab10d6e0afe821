// Mailbox names: what decodes is UTF-8 and encodes to the same octets again (the form is canonical); valid UTF-8
// survives both ways; canonical paths are stable; LIST patterns agree with a naive matcher.
#include "base/limits.h"
#include "imap/grammar/list_pattern.h"
#include "imap/grammar/mailbox_name.h"
#include "imap/grammar/mutf7.h"
#include "imap/wire/lexer.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace cpm;
using namespace cpm::imap;

void require(bool held) {
  if (!held) std::abort();
}

// reach[i]: pattern from i matches the rest of the path, computed from the end.
bool matches_naively(std::string_view pattern, std::string_view path) {
  std::vector<std::vector<char>> reach(pattern.size() + 1, std::vector<char>(path.size() + 1, 0));
  reach[pattern.size()][path.size()] = 1;
  for (std::size_t p = pattern.size(); p-- > 0;) {
    for (std::size_t n = path.size() + 1; n-- > 0;) {
      if (pattern[p] == '*' || pattern[p] == '%') {
        const bool eats = n < path.size() && (pattern[p] == '*' || path[n] != '/');
        reach[p][n] = reach[p + 1][n] || (eats && reach[p][n + 1]);
      } else {
        reach[p][n] = n < path.size() && pattern[p] == path[n] && reach[p + 1][n + 1];
      }
    }
  }
  return reach[0][0] != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 600) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto decoded = grammar::decode_mutf7(text)) {
    require(wire::is_utf8(*decoded));
    require(grammar::encode_mutf7(*decoded) == text);
  }
  if (wire::is_utf8(text)) {
    const auto decoded = grammar::decode_mutf7(grammar::encode_mutf7(text));
    require(decoded && *decoded == text);
  }
  const Limits limits;
  for (const bool utf8 : {false, true}) {
    for (const bool fresh : {false, true}) {
      const auto path = grammar::canonical_mailbox(text, utf8, fresh, limits);
      if (!path) continue;
      const auto again = grammar::canonical_mailbox(utf8 ? *path : grammar::encode_mutf7(*path), utf8, fresh, limits);
      require(again && *again == *path);
    }
  }
  const std::size_t cut = std::min<std::size_t>(data[0], text.size());
  const std::string_view path = text.substr(0, cut);
  const grammar::ListPattern pattern("", text.substr(cut), true);
  // INBOX in any case is the one thing that the naive matcher does not know.
  if (!path.starts_with("INBOX")) require(pattern.matches(path) == matches_naively(pattern.text(), path));
  return 0;
}

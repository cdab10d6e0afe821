// What STORE, APPEND, FETCH and SORT say of annotations (RFC 5257 5), by the first octet: parsed or refused, whatever
// it is; and patterns against names. A literal in the text is the octets behind "\n\n".
#include "imap/extension.h"
#include "imap/grammar/annotation_entry.h"
#include "imap/grammar/sort_program.h"
#include "imap/registry.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cpm;
  using namespace cpm::imap;
  static const Registry registry = [] {
    auto built = Registry::build({});
    if (!built) std::abort();
    return std::move(*built);
  }();
  static const Limits limits;
  if (size == 0) return 0;
  const std::string all(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t end = std::min(all.find("\n\n"), all.size());
  wire::CommandInput input;
  input.text = all.substr(0, end);
  if (end < all.size()) {
    wire::Literal literal;
    literal.binary = true;
    literal.data = Spool(all.substr(end + 2));
    input.literals.push_back(std::move(literal));
  }
  try {
    wire::Lexer lexer(input, limits, false);
    const ParseContext context{limits, registry};
    switch (data[0] % 4) {
      case 0: {
        const auto settings = grammar::parse_annotation_settings(lexer);
        for (const std::string& entry : settings.entries()) {
          if (!grammar::annotation_fault(entry, limits).empty()) std::abort();
          if (!grammar::EntryMatch("*").matches(entry)) std::abort();
        }
        break;
      }
      case 1: static_cast<void>(registry.fetch_item("ANNOTATION")->parse(lexer, context)); break;
      case 2: static_cast<void>(parse_sort_criteria(lexer, context)); break;
      default: {
        const auto match = grammar::parse_entry_match(lexer);
        if (match.exact() && !match.matches(match.text())) std::abort();
        static_cast<void>(match.matches("/1.2/vendor/some/entry"));
      }
    }
  } catch (const wire::BadSyntax&) {
    // what broken input is answered with
  }
  return 0;
}

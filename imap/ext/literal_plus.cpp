// LITERAL+ (RFC 7888): non-synchronising literals of any size; the reader (wire/command_reader) takes them everywhere.
#include "imap/extension.h"

namespace cpm::imap::ext::literal_plus {

Extension describe() {
  Extension extension;
  extension.name = "literal_plus";
  extension.rfcs = {"RFC 7888"};
  extension.capabilities = {{"LITERAL+"}};
  extension.response_codes = {"TOOBIG"};
  return extension;
}

}  // namespace cpm::imap::ext::literal_plus

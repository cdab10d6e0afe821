// PARTIAL (RFC 9394): some of the results of a SEARCH, some of the messages of a UID FETCH. The commands themselves
// take the words, see grammar/partial_range.h; without this extension they refuse them.
#include "imap/extension.h"

namespace cpm::imap::ext::partial {

Extension describe() {
  Extension extension;
  extension.name = "partial";
  extension.rfcs = {"RFC 9394"};
  extension.requires_names = {"fetch", "search"};
  extension.capabilities = {{"PARTIAL"}};
  return extension;
}

}  // namespace cpm::imap::ext::partial

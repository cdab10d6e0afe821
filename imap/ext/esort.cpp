// ESORT (RFC 5267 3): SORT RETURN (…). The command itself takes the words, see sort.cpp; without this extension it
// refuses them.
#include "imap/extension.h"

namespace cpm::imap::ext::esort {

Extension describe() {
  Extension extension;
  extension.name = "esort";
  extension.rfcs = {"RFC 5267"};
  extension.requires_names = {"sort"};
  extension.capabilities = {{"ESORT"}};
  return extension;
}

}  // namespace cpm::imap::ext::esort

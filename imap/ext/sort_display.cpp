// SORT=DISPLAY (RFC 5957): the criteria DISPLAYFROM and DISPLAYTO. They are parsed in grammar/sort_program.cpp; without
// this extension they are refused.
#include "imap/extension.h"

namespace cpm::imap::ext::sort_display {

Extension describe() {
  Extension extension;
  extension.name = "sort_display";
  extension.rfcs = {"RFC 5957"};
  extension.requires_names = {"sort"};
  extension.capabilities = {{"SORT=DISPLAY"}};
  return extension;
}

}  // namespace cpm::imap::ext::sort_display

// URL-PARTIAL (RFC 5550): ;PARTIAL= in URLs, a range of octets of what they name. CATENATE and URLAUTH look at it, see
// session/url_message; without this extension such URLs lead nowhere.
#include "imap/extension.h"

namespace cpm::imap::ext::url_partial {

Extension describe() {
  Extension extension;
  extension.name = "url_partial";
  extension.rfcs = {"RFC 5550", "RFC 5092"};
  extension.capabilities = {{"URL-PARTIAL"}};
  return extension;
}

}  // namespace cpm::imap::ext::url_partial

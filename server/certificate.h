// The self-made certificate of a server that was given none: EC P-256, ten years, for localhost and the host's name, in
// DATA/tls.
// Runs on: the main thread.
#pragma once

#include "base/result.h"

#include <string>

namespace cpm::server {

struct CertificateFiles {
  std::string certificate, key;
};

// The files in `directory`/tls; makes them when they are missing or expired.
[[nodiscard]] Result<CertificateFiles> self_made_certificate(const std::string& directory);

}  // namespace cpm::server

// cpmstored: the server. Reads the command line and the configuration, prints what can be printed without running, then
// runs.
#include "base/config.h"
#include "imap/registry.h"
#include "server/server.h"

#include <CLI/CLI.hpp>

#include <iostream>

int main(int argc, char** argv) {
  CLI::App app{"cpmstored: the OMA CPM message storage server (IMAP4 over TLS on PostgreSQL)"};
  app.footer(
      "Examples:\n"
      "  cpmstored --data /var/lib/cpmstore\n"
      "      an embedded PostgreSQL, a self-made certificate; make users with: cpmctl --data /var/lib/cpmstore user "
      "add …\n"
      "  cpmstored --data /var/lib/cpmstore --config /etc/cpmstore.toml --set imaps.listen=*:993\n"
      "All settings: cpmstored --help-config");
  cpm::ConfigSources sources;
  bool help_config = false;
  bool sample = false;
  bool doc = false;
  std::string coverage;
  app.add_option("--data", sources.data, "data directory: embedded database, certificate, tokens");
  app.add_option("--config", sources.file, "TOML file; default: DATA/cpmstore.toml if it is there");
  app.add_option("--set", sources.sets, "KEY=VALUE, overrules the file; may be repeated")->allow_extra_args(false);
  app.add_flag("--help-config", help_config, "print every setting with its default, bounds and meaning");
  app.add_flag("--print-config-sample", sample, "print a TOML file with every setting, commented out");
  app.add_flag("--print-config-doc", doc, "print docs/config.md");
  app.add_option("--print-rfc-coverage", coverage, "print docs/rfc-coverage.md for the transcripts in this folder");
  app.set_version_flag("--version", "cpmstored " CPMSTORE_VERSION);
  CLI11_PARSE(app, argc, argv);
  if (help_config) std::cout << cpm::config_help();
  if (sample) std::cout << cpm::config_sample();
  if (doc) std::cout << cpm::config_doc();
  if (!coverage.empty()) {
    const auto registry = cpm::imap::Registry::build({});
    if (!registry) {
      std::cerr << registry.error().text << '\n';
      return 1;
    }
    std::cout << cpm::imap::rfc_coverage(*registry, coverage);
  }
  if (help_config || sample || doc || !coverage.empty()) return 0;

  sources.environment = cpm::process_environment();
  const auto load = [&sources] { return cpm::load_config(sources); };
  const auto config = load();
  if (!config) {
    std::cerr << "cpmstored: " << config.error().text << '\n';
    return 2;
  }
  if (config->data.empty()) {
    std::cerr << "cpmstored: no data directory\nName one: cpmstored --data DIR (it is made when it does not exist)\n";
    return 2;
  }
  cpm::log::configure(config->log);
  const auto ended = cpm::server::run_server(*config, load);
  if (!ended) {
    std::cerr << "cpmstored: " << ended.error().text << '\n';
    if (!ended.error().detail.empty()) std::cerr << ended.error().detail << '\n';
    return 1;
  }
  return 0;
}

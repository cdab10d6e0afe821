#include "server/pg_binaries.h"

#include "server/process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

namespace cpm::server {

namespace fs = std::filesystem;

namespace {

bool executable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string find_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + program;
    if (candidate.front() == '/' && executable(candidate)) return candidate;
    rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  }
  return {};
}

// "postgres (PostgreSQL) 15.8 (Debian …)" → 15; 0 when it is not PostgreSQL.
int major_version(const std::string& directory) {
  if (!executable(directory + "/postgres") || !executable(directory + "/initdb")) return 0;
  const auto ended = run_program({{directory + "/postgres", "--version"}, {}});
  if (!ended || ended->status != 0) return 0;
  const std::size_t at = ended->output.find(") ");
  return at == std::string::npos ? 0 : std::atoi(ended->output.c_str() + at + 2);
}

std::vector<std::string> versioned_folders() {
  std::vector<std::string> folders;
  std::error_code error;
  for (const char* root : {"/usr/lib/postgresql", "/usr/local/lib/postgresql"}) {
    for (const auto& entry : fs::directory_iterator(root, error)) folders.push_back(entry.path().string() + "/bin");
  }
  for (const auto& entry : fs::directory_iterator("/usr", error)) {  // /usr/pgsql-15/bin, as on Red Hat
    if (entry.path().filename().string().starts_with("pgsql-")) folders.push_back(entry.path().string() + "/bin");
  }
  const auto number = [](const std::string& folder) {
    const std::string version = fs::path(folder).parent_path().filename().string();
    return std::atoi(version.c_str() + std::min(version.find_first_of("0123456789"), version.size()));
  };
  std::sort(folders.begin(), folders.end(), [&](const auto& a, const auto& b) { return number(a) > number(b); });
  return folders;
}

std::vector<std::string> candidates() {
  std::vector<std::string> all;
  if (const std::string program = find_in_path("pg_config"); !program.empty()) {
    auto ended = run_program({{program, "--bindir"}, {}});
    if (ended && ended->status == 0) all.push_back(ended->output.substr(0, ended->output.find('\n')));
  }
  if (const std::string program = find_in_path("postgres"); !program.empty()) {
    all.push_back(fs::path(program).parent_path().string());
  }
  for (std::string& folder : versioned_folders()) all.push_back(std::move(folder));
  return all;
}

std::string install_hint(int wanted) {
  return "Install it (apt-get install postgresql-" + std::to_string(wanted == 0 ? kOldestPostgres : wanted) +
         "), name its folder with --set database.bin_dir=DIR, or use a server of your own with database.url";
}

}  // namespace

Result<PgBinaries> find_pg_binaries(const std::string& configured, int wanted) {
  if (!configured.empty()) {
    const int major = major_version(configured);
    if (major == 0) {
      return fail(Failure::not_found,
                  "database.bin_dir is " + configured + ", but there are no working initdb and postgres in it");
    }
    if (wanted != 0 && major != wanted) {
      return fail(Failure::unsupported, "the embedded database was made by PostgreSQL " + std::to_string(wanted) +
                                            ", but database.bin_dir (" + configured + ") holds version " +
                                            std::to_string(major) + "\nPoint it to version " + std::to_string(wanted) +
                                            ", or carry the data over with pg_upgrade");
    }
    if (major < kOldestPostgres) {
      return fail(Failure::unsupported, "database.bin_dir holds PostgreSQL " + std::to_string(major) + "; version " +
                                            std::to_string(kOldestPostgres) + " or newer is needed");
    }
    return PgBinaries{configured, major};
  }
  std::string seen;
  for (const std::string& folder : candidates()) {
    const int major = major_version(folder);
    if (major == 0) continue;
    if (wanted != 0 ? major == wanted : major >= kOldestPostgres) return PgBinaries{folder, major};
    seen += (seen.empty() ? "" : ", ") + std::to_string(major) + " in " + folder;
  }
  if (wanted != 0) {
    return fail(Failure::unsupported, "the embedded database was made by PostgreSQL " + std::to_string(wanted) +
                                          ", which is not installed" +
                                          (seen.empty() ? "" : " (there is " + seen + ")") + "\n" +
                                          install_hint(wanted) + "; or carry the data over with pg_upgrade");
  }
  return fail(Failure::not_found, "PostgreSQL " + std::to_string(kOldestPostgres) + " or newer was not found" +
                                      (seen.empty() ? "" : " (there is " + seen + ")") + "\n" + install_hint(0));
}

}  // namespace cpm::server

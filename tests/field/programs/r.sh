# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
packages="r-base-core"
title="R, BLAS, parallel" threads="a pool that multiplies, 60 KB of static thread-local variables each; children by fork"
version() { R --version; }
run()
{
	cat >"$dir/a.R" <<-'END'
	library(parallel)
	print(unlist(mclapply(1:20, function(i) { set.seed(i); round(sum(svd(matrix(rnorm(2500), 50))$d), 6) }, mc.cores = 4)))
	cl <- makeCluster(3)
	print(sum(unlist(parLapply(cl, 1:300, function(i) i^2))))
	stopCluster(cl)
	set.seed(1)
	m <- matrix(rnorm(640000), 800)
	print(round(sum(solve(m) %*% m)))
	print(system("exit 3"))
	print(tryCatch(stop("x"), error = function(e) "caught"))
	pdf("a.pdf"); plot(1:10); invisible(dev.off()); print(file.exists("a.pdf"))
	quit(status = 5)
	END
	(cd "$dir" && OPENBLAS_NUM_THREADS=4 batch Rscript a.R)
}
